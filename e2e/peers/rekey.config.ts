import { defineConfiguration } from '@/lib/password-reset/extension-points'
import { mappings, type PresetName } from './mappings'

/** The configuration of a build that serves every preset: the environment of the process chooses one. */
const preset = (process.env.PEER_PRESET ?? 'django') as PresetName

export default defineConfiguration({ users: mappings[preset]('shop') })

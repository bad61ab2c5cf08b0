import { defineConfig } from '@/lib/password-reset/extension-points'
import { mappings, type PresetName } from './mappings'

// The configuration of a build that serves every preset: the environment of the process chooses one, and a view in place of its
// table.

const mapping = mappings[(process.env.PEER_PRESET ?? 'django') as PresetName]('shop')

export default defineConfig({
  users: { ...mapping, table: process.env.PEER_TABLE ?? mapping.table },
})

import { defineConfig } from '@/lib/password-reset/extension-points'
import { mappings, type PresetName } from './mappings'

// The configuration of a build for every preset. The environment of the process chooses the preset, and a view instead of
// its table.

const mapping = mappings[(process.env.PEER_PRESET ?? 'django') as PresetName]('shop')

export default defineConfig({
  users: { ...mapping, table: process.env.PEER_TABLE ?? mapping.table },
})

import { defineConfig } from '@/lib/password-reset/extension-points'
import { mappings, type PresetName } from './mappings'

const mapping = mappings[(process.env.PEER_PRESET ?? 'django') as PresetName]('shop')

export default defineConfig({
  users: { ...mapping, table: process.env.PEER_TABLE ?? mapping.table },
})

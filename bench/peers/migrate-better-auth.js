import { getMigrations } from 'better-auth/db/migration'
import { options } from './better-auth.js'

const { runMigrations } = await getMigrations(options)
await runMigrations()
process.exit(0)

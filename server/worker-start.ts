import { checkDatabase, encryptionWarnings } from '@/lib/db'
import { settings } from '@/lib/settings'

/** `npm run worker`: the checks of a start, then a worker. */
try {
  const current = settings()
  // Its role owns the tables, and what serves has no use for it (ASVS 13.2.2).
  delete process.env.MIGRATION_DATABASE_URL
  await checkDatabase(current)
  for (const warning of encryptionWarnings(current.database.url)) process.stderr.write(`${warning}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker')

import { checkDatabase } from '@/lib/db'
import { settings } from '@/lib/settings'

/** `npm run worker`: the checks of a start, then a worker. */
try {
  const current = settings()
  // Its role owns the tables, and what serves must not be able to become it (ASVS 13.2.2).
  delete process.env.MIGRATION_DATABASE_URL
  await checkDatabase(current)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker')

import { checkDatabase, encryptionWarnings } from '@/lib/preflight'
import { settings } from '@/lib/settings'

/** `npm run worker`: the checks of a start, then a worker. */
try {
  const current = settings()
  await checkDatabase(current)
  for (const warning of [...current.ignored, ...encryptionWarnings(current.database.url)])
    process.stderr.write(`${warning}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker')

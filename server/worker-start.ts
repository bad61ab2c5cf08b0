import { checkDatabase, encryptionWarnings } from '@/lib/preflight'
import { settings } from '@/lib/settings'
import { mailWarnings } from '@/lib/settings/mail'

/** `npm run worker`: the checks of a start, then a worker. */
try {
  const current = settings()
  await checkDatabase(current)
  const warnings = [...encryptionWarnings(current.database.url), ...mailWarnings(current.mail)]
  for (const warning of warnings) process.stderr.write(`${warning}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker')

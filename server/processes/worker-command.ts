// `npm run worker`: validates settings and database, then runs a worker in this process.
import configuration from '@/rekey.config'
import { checkDatabase } from '@/lib/setup/preflight'
import { processSettings } from '@/lib/config/settings'
import { mailWarnings } from '@/lib/config/mail'
import { surviveFullDisk } from './full-disk'

surviveFullDisk()
try {
  const current = processSettings()
  const databaseWarnings = await checkDatabase(current, configuration.users)
  const warnings = [...current.ignored, ...mailWarnings(current.mail), ...databaseWarnings]
  for (const warning of warnings) process.stderr.write(`${warning}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker-process')

import configuration from '@/rekey.config'
import { connectionFailureReason } from '@/lib/database/errors'
import { migrate } from '@/lib/setup/migrate'
import { encryptionWarnings } from '@/lib/setup/preflight'
import { readDatabaseSettings } from '@/lib/config/command-settings'
import { parseDatabaseUrl, describeDatabaseUrl } from '@/lib/config/database-url'

/** Returns undefined if the same role migrates, or if DATABASE_URL names no role. */
function appRoleOf(url: string, migrationUrl: string): string | undefined {
  const [app, migrator] = [url, migrationUrl].map((text) => parseDatabaseUrl(text)?.user)
  return app === migrator || app === '' ? undefined : app
}

try {
  const { url, migrationUrl, migrationSetting, schemas, ignored } = readDatabaseSettings(process.env)
  for (const warning of ignored) console.error(warning)
  const appRole = appRoleOf(url, migrationUrl)
  const done = await migrate(
    { url: migrationUrl, schemas },
    { appRole, ownsUsers: configuration.users === undefined },
  ).catch((error: unknown) => {
    const { code } = error as { code?: string }
    if (code === undefined) throw error
    throw new Error(
      `The database at ${describeDatabaseUrl(migrationUrl, migrationSetting)} could not be migrated (${connectionFailureReason(error)}).`,
    )
  })
  for (const warning of encryptionWarnings(migrationUrl)) console.error(warning)
  console.log(done.length === 0 ? 'The database is up to date.' : `Applied ${done.join(', ')}.`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
process.exit(0)

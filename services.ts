import path from 'node:path'
import ownConfiguration from './rekey.config'
import { createOwnAccounts, ownUsersMapping } from '@/lib/accounts/adapters/own-table'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { mappingOfDemoProduct } from '@/lib/accounts/presets/demo-product'
import { openDatabase } from '@/lib/database/pool'
import { createAuditLog } from '@/lib/audit/audit'
import { createBreachCheck } from '@/lib/passwords/breach-check'
import { createLimits } from '@/lib/rate-limits/limits'
import { createLog } from '@/lib/logging/log'
import { createDevMailboxReader } from '@/lib/mail/dev-mailbox'
import { createMailStateStore } from '@/lib/mail-health/state'
import { registerGauge } from '@/lib/metrics/count'
import { createMetricsStore } from '@/lib/metrics/store'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { createPasswordPolicy } from '@/lib/passwords/policy'
import type { UsersMapping } from '@/lib/accounts/users-table'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import { createQueue } from '@/lib/queue/queue'
import { createRecoveryStore } from '@/lib/recovery/recovery-store'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import { processSettings, type Settings } from '@/lib/config/settings'

/** Seconds that the "this wasn't me" link in the email about a changed password lives. */
const cancelPeriod = 7 * 24 * 3600

export type Services = ReturnType<typeof createServices>

/** Creates the services of one process. Connections to the database open at first use. */
export function createServices(given: Settings, configuration: RekeyConfig = ownConfiguration) {
  const mapping = mappingFor(given, configuration)
  const users = mapping ?? ownUsersMapping(given.database.schemas)
  const settings = withLoginFieldsOf(users, given)
  const log = createLog(settings.logLevel, 'rekey')
  const database = openDatabase(settings.database, log)
  const ownAccounts = createOwnAccounts(database)
  const accounts = mapping ? createSqlAccountStore(database, mapping) : ownAccounts
  const recovery = createRecoveryStore(database, accounts.identity)
  const queue = createQueue(database)
  const { format, accepts } = users.password
  const hash = createHashQueue({ format, ...(accepts && { accepts }) })
  const policy = createPasswordPolicy({
    ...settings.password,
    ...(format.limit && { longest: format.limit }),
    normalise: format.normalise,
    appName: settings.branding.appName,
    host: new URL(settings.publicUrl).hostname,
  })
  const links = createLinkSigner({
    secrets: settings.secrets,
    // A link must be invalid for another installation on the same host, and for an account with the same id in another users table.
    audience: `${settings.publicUrl}${accounts.identity && ` ${accounts.identity}`}`,
    period: { reset: settings.reset.period, cancel: settings.reset.period, 'cancel-change': cancelPeriod },
    oneTimeUse: settings.reset.oneTimeUse,
  })
  const isBreached = createBreachCheck(settings.breachCheckUrl, log)
  const limits = createLimits(database, settings.secrets[0], settings.limits)
  const audit = createAuditLog(database, accounts.identity, log)
  const mailState = createMailStateStore(database)
  const metrics = createMetricsStore(database)
  registerGauge('hash_queue', { state: 'running' }, () => hash.running)
  registerGauge('hash_queue', { state: 'waiting' }, () => hash.waiting)
  registerGauge(
    'database_connections',
    { state: 'busy' },
    () => database.pool.totalCount - database.pool.idleCount,
  )
  registerGauge('database_connections', { state: 'idle' }, () => database.pool.idleCount)
  registerGauge('database_connections', { state: 'awaited' }, () => database.pool.waitingCount)
  const parts = {
    accounts,
    recovery,
    links,
    policy,
    isBreached,
    hash,
    queue,
    limits,
    audit,
    mailState,
    metrics,
    database,
    users,
    settings,
    configuration,
    log,
  }
  const passwordReset = createPasswordReset(parts)
  /** Emails are stored here without SMTP_URL. */
  const mailboxDir = settings.mail.smtpUrl === undefined ? path.resolve(settings.dataDir, 'mail') : undefined
  const mailbox = mailboxDir === undefined ? undefined : createDevMailboxReader(mailboxDir)
  return { ...parts, ownAccounts, passwordReset, mailbox, mailboxDir }
}

/** Undefined for Rekey's own users table. The embedded database of demo and dev has no table of a team. */
function mappingFor(
  { mode, database, demoProduct }: Settings,
  { users }: RekeyConfig,
): UsersMapping | undefined {
  if (demoProduct) return mappingOfDemoProduct(demoProduct)
  return mode !== 'production' && database.sharedSession ? undefined : users
}

/** Without usernames in the users table, `email` is the only login field. */
function withLoginFieldsOf({ username }: UsersMapping, settings: Settings): Settings {
  const { reset } = settings
  const fields = username === undefined ? (['email'] as const) : reset.loginFields
  return { ...settings, reset: { ...reset, loginFields: fields } }
}

/** Next's bundle and the other code share the services, and a reload of the dev server opens no second pool. */
const shared = globalThis as { rekeyServices?: Services }

/** Creates the services on first use, because `next build` imports routes without settings. */
export function services(): Services {
  return (shared.rekeyServices ??= createServices(processSettings()))
}

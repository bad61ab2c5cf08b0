import path from 'node:path'
import configuration from './rekey.config'
import { createAccounts } from '@/lib/accounts/accounts'
import { openDatabase } from '@/lib/database/pool'
import { createAudit } from '@/lib/audit/audit'
import { createBreachCheck } from '@/lib/passwords/breach-check'
import { createLimits } from '@/lib/rate-limits/limits'
import { createLog } from '@/lib/logging/log'
import { createMailbox } from '@/lib/mail/dev-mailbox'
import { createMailState } from '@/lib/mail-health/state'
import { createPasswordHash } from '@/lib/passwords/hash-queue'
import { createPasswordPolicy } from '@/lib/passwords/policy'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import { createQueue } from '@/lib/queue/queue'
import { createLinks } from '@/lib/password-reset/reset-link'
import { settings as readSettings, type Settings } from '@/lib/config/settings'

/** Seconds that the "this wasn't me" link of a letter about a changed password lives. */
const cancelPeriod = 7 * 24 * 3600

export type Services = ReturnType<typeof createServices>

/** Puts the real parts together for one process. Nothing is opened before it is used. */
export function createServices(settings: Settings) {
  const log = createLog(settings.logLevel, 'rekey')
  const database = openDatabase(settings.database, log)
  const accounts = createAccounts(database)
  const queue = createQueue(database)
  const hash = createPasswordHash()
  const policy = createPasswordPolicy({
    ...settings.password,
    appName: settings.look.appName,
    host: new URL(settings.publicUrl).hostname,
  })
  const links = createLinks({
    secrets: settings.secrets,
    // With the path: a link of the same host under another path is foreign.
    audience: settings.publicUrl,
    period: { reset: settings.reset.period, cancel: settings.reset.period, 'cancel-change': cancelPeriod },
    oneTimeUse: settings.reset.oneTimeUse,
  })
  const isBreached = createBreachCheck(settings.breachCheckUrl, log)
  const limits = createLimits(database, settings.secrets[0], settings.limits)
  const audit = createAudit(database, log)
  const mailState = createMailState(database)
  const parts = {
    accounts,
    links,
    policy,
    isBreached,
    hash,
    queue,
    limits,
    audit,
    mailState,
    database,
    settings,
    configuration,
  }
  const passwordReset = createPasswordReset(parts)
  /** Where demo and dev keep the letters that would otherwise be sent. */
  const mailboxDir = settings.mail.smtpUrl === undefined ? path.resolve(settings.dataDir, 'mail') : undefined
  const mailbox = mailboxDir === undefined ? undefined : createMailbox(mailboxDir)
  return { ...parts, log, passwordReset, mailbox, mailboxDir }
}

/** Survives the reloads of the dev server, which would otherwise open connections anew each time. */
const shared = globalThis as { rekeyServices?: Services }

/** The parts of this process, made on first use: `next build` imports every route and may have no settings. */
export function services(): Services {
  return (shared.rekeyServices ??= createServices(readSettings()))
}

import { randomUUID } from 'node:crypto'
import type { Account, Accounts } from '@/lib/accounts/accounts'
import type { Audit } from '@/lib/audit/audit'
import type { Database } from '@/lib/database/pool'
import type { Departures } from './departures'
import { isLanguage, type Language } from '@/lib/i18n/locales'
import type { EmailText } from '@/lib/mail/email-types'
import type { Limits } from '@/lib/rate-limits/limits'
import type { Log } from '@/lib/logging/log'
import type { Mailer } from '@/lib/mail/mailer'
import { auditUnknownAccount } from './refuse'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'
import type { Attempt, Jobs, Queue } from '@/lib/queue/queue'
import type { Settings } from '@/lib/config/settings'

type Parts = {
  accounts: Accounts
  recovery: RecoveryStore
  mailer: Mailer
  queue: Queue
  limits: Limits
  audit: Audit
  database: Pick<Database, 'transaction' | 'prisma'>
  settings: Pick<Settings, 'defaultLocale'>
  log: Log
  departures: Departures
  /** The email with a link, as it would be sent. */
  write: (account: Account, requestedAt: number, locale: Language) => Promise<EmailText>
}

type EmailJob = Jobs['link-email']

/** MAIL, RCPT, DATA, the message and its end. */
const commands = 5

/** Whom an email that is only rehearsed is written to. No account has this id. */
const nobody: Account = {
  id: '00000000-0000-7000-8000-000000000000',
  username: 'nobody',
  email: '',
  firstName: '',
  lastName: '',
  passwordHash: '',
  isActive: false,
  locale: null,
  passwordChangedAt: null,
  linksEpoch: 0,
}

/**
 * Costs the worker and the database what an email costs, where none is sent. When one's own email arrives must not tell
 * whether requests just before it named accounts: each step that a known login takes stands here for an unknown one.
 */
export function createRehearsal(parts: Parts) {
  const { accounts, recovery, mailer, queue, limits, audit, database, settings, log, departures, write } =
    parts

  /** A request that named nobody is queued for an email all the same. @param jobId of the email's job */
  async function request(jobId: string, job: EmailJob, client: string): Promise<Attempt> {
    await limits.isFirstInWindow(client, `asked ${jobId}`)
    await queue.ready()
    await database.transaction(async (tx) => {
      await queue.add('link-email', job, { tx, id: jobId })
      await audit.rehearse(tx)
    })
    await auditUnknownAccount(parts, { requestId: job.requestId, client })
    return { outcome: 'done' }
  }

  /** All that the email of a known login costs. */
  async function email(job: EmailJob): Promise<Attempt> {
    await accounts.read(randomUUID())
    await recovery.rehearseReservation()
    await limits.rehearseEmail()
    await sending(job)
    // The entry of an email that left is a row, too; the audit log keeps none of what did not happen.
    await recovery.rehearseReservation()
    return { outcome: 'done' }
  }

  /** What is left of that once an email is held back: makes one for nobody, and takes a slot for as long as sending it would. */
  async function sending({ requestedAt, locale }: EmailJob): Promise<void> {
    try {
      const text = await write(nobody, requestedAt, isLanguage(locale) ? locale : settings.defaultLocale)
      await departures.rehearse(async () => {
        await mailer.rehearse(text)
        // To this process, a command of SMTP and its reply cost about what an empty statement does.
        for (let command = 0; command < commands; command += 1) await database.prisma.$queryRaw`SELECT 1`
      })
    } catch (error) {
      // A team's own template may throw for the made-up account; no email depends on it.
      log.debug({ err: error, event: 'rehearsal_failed' })
    }
  }

  return { request, email, sending }
}

import { randomUUID } from 'node:crypto'
import { emails } from '@/emails/templates'
import type { Account } from '@/lib/accounts/account'
import { createMailer } from '@/lib/mail/mailer'
import type { EmailDependencies } from '@/lib/password-reset/email-dependencies'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createJobHandlers } from '@/lib/password-reset/job-handlers'
import { createSendPacer } from '@/lib/password-reset/send-pacer'
import type { JobData } from '@/lib/queue/job-data'
import type { AttemptResult, JobHandlers, QueuedJob } from '@/lib/queue/queue'
import { startMailSink } from './mail-sink'
import { openServices } from './opened-services'

export type OpenedWorker = Awaited<ReturnType<typeof openWorker>>

/** What the mail sink replies to an accepted email; the audit log stores it. */
export const acceptedReply = '250 OK: message queued'

export const origin = { locale: 'en', requestId: 'r', client: '203.0.113.9' }

export async function openWorker() {
  const sink = await startMailSink()
  const opened = await openServices({
    RESET_PASSWORD_VERIFICATION_URL: 'https://front.example/reset?from=email',
    SMTP_URL: sink.url,
    EMAIL_COOLDOWN: '0s',
    LIMIT_EMAILS_PER_ACCOUNT: '2/1h',
    LIMIT_EMAILS: '3/1h',
  })
  const { services, sql } = opened
  const mailer = createMailer({ ...services.settings.mail, log: services.log })

  const handlers = (configuration: RekeyConfig = {}, parts: Partial<EmailDependencies> = {}): JobHandlers =>
    createJobHandlers({
      ...services,
      configuration,
      emails: { ...emails, ...configuration.emails },
      mailer,
      sendPacer: createSendPacer({ slots: 16, longestPause: 0 }),
      ...parts,
    })

  return {
    ...opened,
    sink,
    mailer,
    queueLinkEmails: (
      job: QueuedJob<'link-request'>,
      configuration?: RekeyConfig,
      parts?: Partial<EmailDependencies>,
    ): Promise<AttemptResult> => handlers(configuration, parts)['link-request'](job),
    sendLinkEmail: (
      job: QueuedJob<'link-email'>,
      configuration?: RekeyConfig,
      parts?: Partial<EmailDependencies>,
    ): Promise<AttemptResult> => handlers(configuration, parts)['link-email'](job),
    sendChangedEmail: (job: QueuedJob<'changed-email'>): Promise<AttemptResult> =>
      handlers()['changed-email'](job),
    async queuedEmails({ id }: Account): Promise<{ id: string; data: JobData['link-email'] }[]> {
      const { rows } = await sql.query(
        `SELECT id, data FROM rekey_queue.job WHERE name = 'link-email' AND data->>'accountId' = $1`,
        [id],
      )
      return rows
    },
    async lastEntry({ id }: Account): Promise<[event: string, reason: string | null] | undefined> {
      const last = (await services.audit.history(id)).at(-1)
      return last && [last.event, last.reason]
    },
    /** What "this wasn't me" does to an account's links and emails. */
    revokeLinks: ({ id }: Account) =>
      services.database.prisma.$transaction((tx) => services.recovery.revokeLinks(tx, id, 0, 3600)),
    async close(): Promise<void> {
      await mailer.close()
      await opened.close()
      await sink.close()
    },
  }
}

const jobOf = <Data>(data: Data) => ({ id: randomUUID(), data, createdAt: new Date(), attempt: 1 })

export const linkRequestJob = (
  target: JobData['link-request']['target'],
  facts: Partial<JobData['link-request']> = {},
): QueuedJob<'link-request'> => jobOf({ target, bypassPause: false, ...origin, ...facts })

/** @param age seconds since the link was requested */
export const linkEmailJob = (
  accountId: string | null,
  { age = 0, ...facts }: Partial<JobData['link-email']> & { age?: number } = {},
): QueuedJob<'link-email'> =>
  jobOf({
    accountId,
    requestedAt: Math.floor(Date.now() / 1000) - age,
    locale: 'en',
    requestId: 'r',
    bypassPause: false,
    ...facts,
  })

/** @param email the address that the account had when its password was changed */
export const changedEmailJob = ({ id, email }: Pick<Account, 'id' | 'email'>): QueuedJob<'changed-email'> =>
  jobOf({ accountId: id, email, ...origin })

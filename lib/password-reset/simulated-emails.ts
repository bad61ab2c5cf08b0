import type { Account } from '@/lib/accounts/account'
import { isLanguage, type Language } from '@/lib/i18n/locales'
import type { RenderedEmail } from '@/lib/mail/email-types'
import { auditUnknownAccount } from './rejections'
import type { EmailDependencies } from './email-dependencies'
import type { StoreLinkEmails } from './store-link-emails'
import type { JobData } from '@/lib/queue/job-data'
import type { AttemptResult } from '@/lib/queue/queue'

type EmailJob = JobData['link-email']

/** The steps of sending an email by SMTP: MAIL, RCPT, DATA, the message, and the dot that ends it. */
const roundTrips = 5

/** The invented account of a simulated email. No account has this id. */
const nobody: Account = {
  id: '00000000-0000-7000-8000-000000000000',
  username: 'nobody',
  email: '',
  firstName: '',
  lastName: '',
  name: '',
  label: '',
  passwordHash: '',
  passwordProblem: 'none',
  isActive: false,
  locale: null,
  passwordChangedAt: null,
  linksEpoch: 0,
}

export type EmailSimulation = ReturnType<typeof createEmailSimulation>

/**
 * Creates the simulation, which does the work of an email without sending one. An attacker who requests links for others and then for
 * an account of their own must not infer from the arrival of their own email whether the others had accounts (requirement A8). So
 * each step that every email takes has a counterpart here.
 *
 * @param store stores the jobs of emails
 * @param write renders the email with a link
 */
export function createEmailSimulation(
  parts: EmailDependencies,
  store: StoreLinkEmails,
  write: (account: Account, requestedAt: number, locale: Language) => Promise<RenderedEmail>,
) {
  const { accounts, recovery, mailer, limits, audit, database, settings, log, sendPacing } = parts

  /** Queues a simulated email for a request that found no account, and records the request. @param jobId the id of the email's job */
  async function request(jobId: string, job: EmailJob, client: string): Promise<AttemptResult> {
    await limits.isFirstInWindow(client, `requested ${jobId}`)
    const origin = { requestId: job.requestId, client }
    await store([{ id: jobId, data: job, afterSeconds: 0, isAudited: false }], origin)
    await auditUnknownAccount(parts, origin)
    return { outcome: 'done' }
  }

  /** Does the work of sending an email to an account, but sends none. */
  async function email(job: EmailJob): Promise<AttemptResult> {
    await accounts.simulateRead()
    await recovery.simulateReservation({
      limits: settings.emailSlots,
      keepFor: settings.reset.period,
      bypass: false,
    })
    await limits.simulateEmail()
    await sending(job)
    await audit.simulate()
    return { outcome: 'done' }
  }

  /** Renders an email to an invented account, and occupies a slot for as long as sending would take. Sends nothing. Never throws. */
  async function sending({ requestedAt, locale }: EmailJob): Promise<void> {
    try {
      const text = await write(nobody, requestedAt, isLanguage(locale) ? locale : settings.defaultLocale)
      await sendPacing.simulate(async () => {
        await mailer.simulate(text)
        // Each empty statement stands for a step of SMTP: both are work with a connection.
        for (let trip = 0; trip < roundTrips; trip += 1) await database.queries.$queryRaw`SELECT 1`
      })
    } catch (error) {
      // A team's own template may throw for the invented account; no email depends on this simulation.
      log.debug({ err: error, event: 'simulation_failed' })
    }
  }

  return { request, email, sending }
}

import type { Account } from '@/lib/accounts/account'
import { isLanguage, type Language } from '@/lib/i18n/locales'
import type { RenderedEmail } from '@/lib/mail/email-types'
import { auditUnknownAccount } from './rejections'
import type { EmailDependencies } from './email-dependencies'
import type { StoreLinkEmailJobs } from './store-link-email-jobs'
import type { JobData } from '@/lib/queue/job-data'
import type { AttemptResult } from '@/lib/queue/queue'

type EmailJob = JobData['link-email']

/** The steps of sending an email by SMTP: MAIL, RCPT, DATA, the message, and the dot that ends it. */
const roundTrips = 5

/** The invented account of a simulated email. */
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
 * Creates the simulation, which does the work of an email without sending one: the arrival of an attacker's own email must not reveal
 * whether earlier requests named accounts (requirement A8). Give each new step of sending an email a counterpart here.
 */
export function createEmailSimulation(
  parts: EmailDependencies,
  store: StoreLinkEmailJobs,
  write: (account: Account, requestedAt: number, locale: Language) => Promise<RenderedEmail>,
) {
  const { accounts, recovery, mailer, limits, audit, database, settings, log, sendPacer } = parts

  /** Queues a simulated email for a request that found no account, and records the request. */
  async function request(jobId: string, job: EmailJob, client: string): Promise<AttemptResult> {
    await limits.isFirstInWindow(client, `requested ${jobId}`)
    const origin = { requestId: job.requestId, client }
    await store([{ id: jobId, data: job, afterSeconds: 0, isAudited: false }], origin)
    await auditUnknownAccount(parts, origin)
    return { outcome: 'done' }
  }

  /** Simulates all of the work on an email. */
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

  /** Simulates rendering and sending only. Logs an error instead of throwing it. */
  async function sending({ requestedAt, locale }: EmailJob): Promise<void> {
    try {
      const text = await write(nobody, requestedAt, isLanguage(locale) ? locale : settings.defaultLocale)
      await sendPacer.simulate(async () => {
        await mailer.simulate(text)
        // Each statement stands for a step of SMTP.
        for (let trip = 0; trip < roundTrips; trip += 1) await database.queries.$queryRaw`SELECT 1`
      })
    } catch (error) {
      // A team's own template may throw for the invented account.
      log.debug({ err: error, event: 'simulation_failed' })
    }
  }

  return { request, email, sending }
}

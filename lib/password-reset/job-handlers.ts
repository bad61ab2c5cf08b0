import { LookUpTimedOut } from '@/lib/accounts/account-store'
import type { QueueName } from '@/lib/queue/job-data'
import type { AttemptResult, JobHandlers, QueuedJob } from '@/lib/queue/queue'
import type { EmailDependencies } from './email-dependencies'
import { queueLinkEmails } from './queue-link-emails'
import { createEmailSimulation } from './simulated-emails'
import { createLinkEmailJobWriter } from './store-link-email-jobs'
import { sendChangedEmail } from './send-changed-email'
import { sendLinkEmail, renderLinkEmail } from './send-link-email'

export function createJobHandlers(parts: EmailDependencies): JobHandlers {
  const store = createLinkEmailJobWriter(parts)
  const simulation = createEmailSimulation(parts, store, renderLinkEmail.bind(null, parts))
  return {
    'link-request': (job) => retryLookUp(parts, job, () => queueLinkEmails(parts, simulation, store, job)),
    'link-email': (job) => retryLookUp(parts, job, () => sendLinkEmail(parts, simulation, job)),
    'changed-email': (job) => sendChangedEmail(parts, job),
    'changed-hook': async ({ data }) => {
      await parts.configuration.passwordChanged?.({ id: data.accountId, username: data.username })
      return { outcome: 'done' }
    },
  }
}

/** Limits the retries of a job (`maxCostlyAttempts`) if looking an account up takes too long. */
async function retryLookUp(
  { log }: EmailDependencies,
  { data: { requestId }, attempt }: QueuedJob<QueueName>,
  work: () => Promise<AttemptResult>,
): Promise<AttemptResult> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof LookUpTimedOut)) throw error
    log.error({ event: 'look_up_timed_out', requestId, attempt, hint: error.message })
    return { outcome: 'later', reason: 'look-up-timed-out', isCostly: true }
  }
}

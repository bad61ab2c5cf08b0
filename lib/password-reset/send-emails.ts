import type { Handlers } from '@/lib/queue/queue'
import type { EmailDependencies } from './email-dependencies'
import { queueLinkEmails } from './queue-link-emails'
import { createEmailSimulation } from './simulated-emails'
import { sendChangedEmail } from './send-changed-email'
import { sendLinkEmail, writeLinkEmail } from './send-link-email'

/** The worker's handler for each kind of job. The use cases of pages and handlers are in `password-reset.ts`. */
export function createEmailSending(parts: EmailDependencies): Handlers {
  const simulation = createEmailSimulation(parts, writeLinkEmail.bind(null, parts))
  return {
    'link-request': (job) => queueLinkEmails(parts, simulation, job),
    'link-email': (job) => sendLinkEmail(parts, simulation, job),
    'changed-email': (job) => sendChangedEmail(parts, job),
    'changed-hook': async ({ data }) => {
      await parts.configuration.passwordChanged?.({ id: data.accountId, username: data.username })
      return { outcome: 'done' }
    },
  }
}

import type { Handlers } from '@/lib/queue/queue'
import type { EmailParts } from './email-parts'
import { queueLinkEmails } from './queue-link-emails'
import { createRehearsal } from './rehearsal'
import { sendChangedEmail } from './send-changed-email'
import { sendLinkEmail, writeLinkEmail } from './send-link-email'

/** The worker's handler for each kind of job. The use cases of pages and handlers are in `password-reset.ts`. */
export function createEmailSending(parts: EmailParts): Handlers {
  const rehearsal = createRehearsal(parts, writeLinkEmail.bind(null, parts))
  return {
    'link-request': (job) => queueLinkEmails(parts, rehearsal, job),
    'link-email': (job) => sendLinkEmail(parts, rehearsal, job),
    'changed-email': (job) => sendChangedEmail(parts, job),
    'changed-hook': async ({ data }) => {
      await parts.configuration.passwordChanged?.({ id: data.accountId, username: data.username })
      return { outcome: 'done' }
    },
  }
}

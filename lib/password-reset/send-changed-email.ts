import { clientNetwork } from '@/lib/addresses/client-ip'
import type { AttemptResult, QueuedJob } from '@/lib/queue/queue'
import { recordHeldEmail, cancelLinkUrl, deliverEmail, emailLanguage, serviceFacts } from './deliver-email'
import type { EmailDependencies } from './email-dependencies'

/**
 * Notifies the owner of a changed password at the email address of that time: an attacker who changed the address afterwards must not get
 * the email. The email has no "this wasn't me" link if the address changed: the old mailbox must not revoke links in the new one.
 */
export async function sendChangedEmail(
  parts: EmailDependencies,
  { id, data, createdAt, attempt }: QueuedJob<'changed-email'>,
): Promise<AttemptResult> {
  const { accountId, requestId, email } = data
  const context = { requestId, accountId }
  const { account } = await parts.accounts.read(accountId)
  if (account === null || email === '') {
    await recordHeldEmail(parts, 'account-gone', context)
    return { outcome: 'done' }
  }
  const locale = emailLanguage(parts, account, data.locale)
  const changedAt = Math.floor(createdAt.getTime() / 1000)
  const mayCancel = email === account.email
  const text = await parts.emails.changed({
    locale,
    service: serviceFacts(parts.settings),
    account: { ...account, email },
    changedAt: createdAt,
    client: clientNetwork(data.client),
    cancelLink: mayCancel ? cancelLinkUrl(parts, 'cancel-change', account, changedAt, locale) : undefined,
  })
  return deliverEmail(parts, 'notified', id, { ...account, email }, text, context, attempt)
}

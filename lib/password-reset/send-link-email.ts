import { signedState, isResettable, passwordChangedSince, type Account } from '@/lib/accounts/account'
import { canonicalEmail } from '@/lib/addresses/email-address'
import type { Language } from '@/lib/i18n/locales'
import type { RenderedEmail } from '@/lib/mail/email-types'
import type { AttemptResult, QueuedJob } from '@/lib/queue/queue'
import type { CounterLabels } from '@/lib/metrics/catalogue'
import { count } from '@/lib/metrics/count'
import { recordHeldEmail, cancelLinkUrl, deliverEmail, emailLanguage, serviceFacts } from './deliver-email'
import type { EmailDependencies } from './email-dependencies'
import type { EmailSimulation } from './simulated-emails'
import { releaseCount } from './release-count'
import { buildLinkUrl } from './reset-link'

/** Seconds that a link must still live, or half of its lifetime if that is shorter: otherwise, the recipient could hardly use it. */
const leastLife = 5 * 60

type Job = Pick<QueuedJob<'link-email'>, 'id' | 'data' | 'attempt'>

/** Signs a link for the current state of the account and sends it. An email that has no account or is held back is simulated. */
export async function sendLinkEmail(
  parts: EmailDependencies,
  simulation: EmailSimulation,
  { id, data, attempt }: Job,
): Promise<AttemptResult> {
  if (attempt === 1) await parts.sendPacer.pause()
  const { accountId } = data
  if (accountId === null) return simulation.email(data)
  const ended = await send(parts, simulation, accountId, { id, data, attempt })
  if (ended !== 'held') return ended
  await simulation.sending(data)
  return { outcome: 'done' }
}

async function send(
  parts: EmailDependencies,
  simulation: EmailSimulation,
  accountId: string,
  { id, data, attempt }: Job,
): Promise<AttemptResult | 'held'> {
  const { accounts, audit, limits, links, log, recovery, settings } = parts
  const { requestedAt, requestId, bypassPause } = data
  const context = { requestId, accountId }
  const hold = async (reason: CounterLabels<'emails_held'>['reason']): Promise<'held'> => {
    await recordHeldEmail(parts, reason, context)
    return 'held'
  }
  if (!settings.reset.enabled) return hold('switched-off')
  const { account, now } = await accounts.read(accountId)
  if (account === null || !isResettable(account) || passwordChangedSince(account, requestedAt))
    return hold('account-changed')

  const expiresAt = links.expiryOf({ timestamp: requestedAt }, 'reset')
  const lifeLeft = (expiresAt.getTime() - now.getTime()) / 1000
  if (lifeLeft < Math.min(leastLife, settings.reset.period / 2)) {
    count('emails_failed', { kind: 'link', cause: 'link-would-expire' })
    log.error({ event: 'reset_email_abandoned', ...context, attempt })
    // An email that was not sent in time must not count towards the account's limit.
    await recovery.releaseEmail(account.id, id)
    await audit.record('failed', { ...context, reason: 'link-would-expire' })
    return { outcome: 'never', reason: 'link-would-expire' }
  }
  const terms = { limits: settings.emailSlots, keepFor: settings.reset.period, bypass: bypassPause }
  const slot = await recovery.reserveEmail(account.id, id, expiresAt, terms)
  if (slot === null) return hold('email-limit')
  // With `bypassPause`, an attacker's requests cannot block the email that undoes the attacker's reset.
  const counted = await limits.countEmail({
    address: canonicalEmail(account.email) ?? account.email,
    accountId,
    first: slot.first || bypassPause,
    bypassesMailbox: bypassPause,
    isOnTurn: () => isOnTurn(parts, account),
  })
  if (counted.alert) log.error({ event: 'email_budget_spent', requestId, reason: 'LIMIT_EMAILS' })
  if (!counted.ok && counted.limit === 'mailbox') {
    await recovery.releaseEmail(accountId, id)
    return hold('mailbox-limit')
  }
  if (!counted.ok) {
    count('emails_deferred', { kind: 'link', cause: 'budget' })
    await simulation.sending(data)
    return { outcome: 'later', reason: 'email-budget-spent' }
  }
  let left = false
  try {
    // Sign with the epoch of the reservation: the epoch that was read with the account may be outdated.
    const current = { ...account, linksEpoch: slot.linksEpoch }
    const text = await renderLinkEmail(
      parts,
      current,
      requestedAt,
      emailLanguage(parts, account, data.locale),
    )
    const ended = await deliverEmail(parts, 'sent', id, account, text, context, attempt)
    // An invalid email address fails at once: without the simulation, the short time would reveal the account.
    if (ended.outcome === 'never') await simulation.sending(data)
    left = ended.outcome === 'done' || (ended.outcome === 'later' && ended.maybeDelivered === true)
    return ended
  } finally {
    if (!left) await releaseCount(log, counted.release())
  }
}

export function renderLinkEmail(
  parts: EmailDependencies,
  account: Account,
  requestedAt: number,
  locale: Language,
): Promise<RenderedEmail> {
  const { configuration, emails, links, settings } = parts
  const link = links.create('reset', account.id, requestedAt, signedState(account))
  const standard = buildLinkUrl(settings.reset.pageUrl, link)
  return emails.reset({
    locale,
    service: serviceFacts(settings),
    account,
    link: configuration.buildVerificationUrl?.(link, standard) ?? standard,
    expiresAt: links.expiryOf({ timestamp: requestedAt }, 'reset'),
    lifeMinutes: Math.round(settings.reset.period / 60),
    cancelLink: cancelLinkUrl(parts, 'cancel', account, requestedAt, locale),
  })
}

/** Whether `chooseOnTurn` chooses the account among those with its email address. */
async function isOnTurn({ accounts, limits }: EmailDependencies, { id, email }: Account): Promise<boolean> {
  const ids = await accounts.findIdsByEmail(email)
  return limits.chooseOnTurn(ids.includes(id) ? ids : [...ids, id]).includes(id)
}

import { signedState, type Account } from '@/lib/accounts/account'
import { unknownClient } from '@/lib/addresses/client-ip'
import { urlInApp } from '@/lib/config/paths-in-app'
import type { Settings } from '@/lib/config/settings'
import { isLanguage, languageOfLocale, type Language } from '@/lib/i18n/locales'
import type { RenderedEmail, ServiceFacts } from '@/lib/mail/email-types'
import type { CounterLabels } from '@/lib/metrics/catalogue'
import { count } from '@/lib/metrics/count'
import type { AttemptResult } from '@/lib/queue/queue'
import type { EmailDependencies } from './email-dependencies'
import { buildLinkUrl } from './reset-link'

type EmailLogContext = { requestId: string; accountId: string }

/**
 * Attempts once to send an email, and records the outcome. A failure to audit must not fail the job: a retry would send the email again.
 *
 * @param event `sent` for an email with a link, `notified` for one about a changed password
 * @throws the error of a team's `sendEmail`
 */
export async function deliverEmail(
  { audit, configuration, sendPacer, log, mailer }: EmailDependencies,
  event: 'sent' | 'notified',
  id: string,
  account: Account,
  text: RenderedEmail,
  context: EmailLogContext,
  attempt: number,
): Promise<AttemptResult> {
  const send = () => mailer.send({ id, to: account.email, content: text })
  const { sendEmail } = configuration
  const deliver = () =>
    sendEmail === undefined ? send() : sendEmail({ id, to: account.email, text, account }, send)
  const outcome = await (event === 'sent' ? sendPacer.send(deliver) : deliver())
  const kind = event === 'sent' ? 'link' : 'changed'
  if (outcome.ok) {
    count('emails_sent', { kind })
    await audit.recordBestEffort(event, { ...context, reason: outcome.reply })
    return { outcome: 'done' }
  }
  const { reason, cause = 'own' } = outcome
  if (outcome.final) {
    count('emails_failed', { kind, cause })
    log.error({ event: 'email_failed', ...context, emailId: id, attempt, reason })
    await audit.recordBestEffort('failed', { ...context, reason })
    return { outcome: 'never', reason }
  }
  count('emails_deferred', { kind, cause })
  log[outcome.alert === true ? 'error' : 'warn']({
    event: 'email_deferred',
    ...context,
    emailId: id,
    attempt,
    reason,
  })
  return { outcome: 'later', reason, maybeDelivered: outcome.maybeDelivered }
}

/** Records an email that is not sent. Audits the first per reason, account and ten minutes, because a flood may cause thousands. */
export async function recordHeldEmail(
  { audit, limits }: Pick<EmailDependencies, 'audit' | 'limits'>,
  reason: CounterLabels<'emails_held'>['reason'],
  context: EmailLogContext,
): Promise<void> {
  count('emails_held', { reason })
  const facts = { ...context, reason }
  if (await limits.isFirstInWindow(unknownClient, `held ${reason} ${context.accountId}`))
    await audit.record('held', facts)
  else audit.logOnly('held', facts)
}

/** Returns the URL of "this wasn't me", without the email's language if the account's locale or DEFAULT_LOCALE implies it. */
export function cancelLinkUrl(
  { links, settings }: Pick<EmailDependencies, 'links' | 'settings'>,
  purpose: 'cancel' | 'cancel-change',
  account: Account,
  timestamp: number,
  language: Language,
): string {
  const link = links.create(purpose, account.id, timestamp, signedState(account))
  const page = new URL(urlInApp(settings, '/cancel-reset/'))
  const known = languageOfLocale(account.locale) ?? settings.defaultLocale
  if (language !== known) page.searchParams.set('lang', language)
  return buildLinkUrl(page.href, link)
}

export function emailLanguage(
  { settings }: Pick<EmailDependencies, 'settings'>,
  { locale }: Pick<Account, 'locale'>,
  requested: string,
): Language {
  return languageOfLocale(locale) ?? (isLanguage(requested) ? requested : settings.defaultLocale)
}

export function serviceFacts({ branding, publicOrigin, publicUrl }: Settings): ServiceFacts {
  const { appName, supportEmail, signInUrl, brandColor } = branding
  return { appName, publicOrigin, publicUrl, supportEmail, signInUrl, brandColor }
}

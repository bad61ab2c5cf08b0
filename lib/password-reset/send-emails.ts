import { createHash, randomInt } from 'node:crypto'
import {
  mayReset,
  passwordChangedSince,
  linkState,
  type Account,
  type Accounts,
} from '@/lib/accounts/accounts'
import type { Audit } from '@/lib/audit/audit'
import type { Configuration } from './extension-points'
import type { Database } from '@/lib/database/pool'
import { roughClient, unknownClient } from '@/lib/addresses/client-ip'
import { isLanguage, storedLanguage, type Language } from '@/lib/i18n/locales'
import type { EmailText, Emails, Sender } from '@/lib/mail/email-types'
import type { Departures } from './departures'
import { accountsOnTurn, type MailboxShare } from '@/lib/rate-limits/email-budget'
import { canonicalAddress } from '@/lib/addresses/email-address'
import type { Limits } from '@/lib/rate-limits/limits'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'
import type { Log } from '@/lib/logging/log'
import type { Mailer } from '@/lib/mail/mailer'
import { urlInApp } from '@/lib/config/own-path'
import { usernameSpellings } from '@/lib/text/username'
import { findAccounts } from './find-accounts'
import type { Attempt, Handlers, Queue, Work } from '@/lib/queue/queue'
import { createRehearsal } from './rehearsal'
import { buildLinkUrl, type Links } from './reset-link'
import type { Settings } from '@/lib/config/settings'

export type Parts = {
  accounts: Accounts
  recovery: RecoveryStore
  links: Links
  emails: Emails
  mailer: Mailer
  queue: Queue
  limits: Limits
  audit: Audit
  database: Pick<Database, 'transaction' | 'prisma'>
  settings: Settings
  configuration: Configuration
  log: Log
  departures: Departures
}

/** A link with less life than this, in seconds, is not sent any more: its email would only annoy. */
const leastLife = 5 * 60

/**
 * Seconds within which the further emails of one request follow the first, each after a drawn time. Together at once they
 * would show, in when other emails leave, that one login names several accounts.
 */
const spread = { least: 1, most: 4 }

type About = { requestId: string; accountId: string }

const done: Attempt = { outcome: 'done' }

/** The worker's half of the story: whose emails, which link, out by mail. */
export function createEmailSending(parts: Parts): Handlers {
  const {
    accounts,
    recovery,
    links,
    emails,
    queue,
    limits,
    audit,
    database,
    settings,
    configuration,
    log,
    departures,
  } = parts
  const sender: Sender = {
    appName: settings.look.appName,
    publicOrigin: settings.publicOrigin,
    publicUrl: settings.publicUrl,
    supportEmail: settings.look.supportEmail,
    signInUrl: settings.look.signInUrl,
    brandColor: settings.look.brandColor,
  }

  /**
   * Queues an email for every account that was asked for. The link's life starts when the asking was stored.
   *
   * Each asking is in the process's log. The audit log, where rows stay for half a year, keeps the first per client,
   * account and ten minutes: a flood from many networks must not fill the disk, and still an account's history names
   * every network that asked. What came of an asking has an entry of its own: each email that left, and of those held
   * back the first in ten minutes for each reason.
   */
  async function sendLinks({ id, data, createdAt, attempt }: Work<'link-request'>): Promise<Attempt> {
    const { target, locale, requestId, client, bypassPause } = data
    const found =
      'login' in target ? await findByLogin(target.login, requestId) : await findById(target.accountId)
    const requestedAt = Math.floor(createdAt.getTime() / 1000)
    const email = { requestedAt, locale, requestId, bypassPause }
    if (found.length === 0)
      return rehearsal.request(derivedId(id, 'nobody'), { ...email, accountId: null }, client)
    const kept = new Set<string>()
    // An attempt that failed has used its note up, and kept nothing.
    for (const account of found)
      if (attempt > 1 || (await limits.isFirstInWindow(client, `asked ${account.id}`))) kept.add(account.id)
    await queue.ready()
    await database.transaction(async (tx) => {
      for (const [nth, account] of found.entries()) {
        const job = { ...email, accountId: account.id }
        const when = nth === 0 ? {} : { afterSeconds: randomInt(spread.least, spread.most + 1) }
        await queue.add('link-email', job, { tx, id: derivedId(id, account.id), ...when })
        const facts = { accountId: account.id, requestId, client }
        if (kept.has(account.id)) await audit.record('requested', facts, tx)
        else audit.logOnly('requested', facts)
      }
    })
    return done
  }

  /** Signs a link for the account as it is now and mails it. A retry carries the same link. */
  async function sendEmail({ id, data, attempt }: Work<'link-email'>): Promise<Attempt> {
    if (attempt === 1) await departures.pause()
    const { accountId } = data
    if (accountId === null) return rehearsal.email(data)
    const ended = await sendTo(accountId, { id, data, attempt })
    if (ended !== 'held') return ended
    await rehearsal.sending(data)
    return done
  }

  async function sendTo(
    accountId: string,
    { id, data, attempt }: Pick<Work<'link-email'>, 'id' | 'data' | 'attempt'>,
  ): Promise<Attempt | 'held'> {
    const { requestedAt, requestId, bypassPause } = data
    const about = { requestId, accountId }
    if (!settings.reset.enabled) return hold('switched-off', about)
    const { account, now } = await accounts.read(accountId)
    if (account === null || !mayReset(account) || passwordChangedSince(account, requestedAt))
      return hold('account-changed', about)

    const expiresAt = links.expiryOf({ timestamp: requestedAt }, 'reset')
    const lifeLeft = (expiresAt.getTime() - now.getTime()) / 1000
    if (lifeLeft < Math.min(leastLife, settings.reset.period / 2)) {
      log.error({ event: 'reset_email_abandoned', ...about, attempt })
      // After an outage of the mail server, whoever asks again must not find all slots taken by emails that never left.
      await recovery.releaseEmail(account.id, id)
      await audit.record('failed', { ...about, reason: 'link-would-expire' })
      return { outcome: 'never', reason: 'link-would-expire' }
    }
    const slot = await recovery.reserveEmail(account.id, id, settings.emailSlots, {
      bypass: bypassPause,
      keepFor: settings.reset.period,
      linkEnds: expiresAt,
    })
    if (slot === null) return hold('email-limit', about)
    const mailbox = await spendMailbox(account)
    // Where a stranger's reset is undone, what the stranger asked for before must not count.
    if (!mailbox.ok && !bypassPause) {
      await recovery.releaseEmail(accountId, id)
      return hold('mailbox-limit', about)
    }
    const budget = await limits.spendEmail({ first: slot.first || bypassPause })
    if (budget.alert) log.error({ event: 'email_budget_spent', reason: 'LIMIT_EMAILS' })
    if (!budget.ok) {
      await mailbox.giveBack()
      await rehearsal.sending(data)
      return { outcome: 'later', reason: 'email-budget-spent' }
    }
    let left = false
    const locale = languageOf(account, data.locale)
    try {
      // The row that holds the epoch may have been purged and made anew since the account was read.
      const text = await write({ ...account, linksEpoch: slot.linksEpoch }, requestedAt, locale)
      const ended = await deliver('sent', id, account, text, about, attempt)
      // An address that no email may go to costs no time by itself.
      if (ended.outcome === 'never') await rehearsal.sending(data)
      left = ended.outcome === 'done' || (ended.outcome === 'later' && ended.maybeDelivered === true)
      return ended
    } finally {
      if (!left) await Promise.all([budget.giveBack(), mailbox.giveBack()])
    }
  }

  /** The email with a link for an account in this state. */
  function write(account: Account, requestedAt: number, locale: Language): Promise<EmailText> {
    const link = links.create('reset', account.id, requestedAt, linkState(account))
    const standard = buildLinkUrl(settings.reset.pageUrl, link)
    return emails.reset({
      locale,
      sender,
      account,
      link: configuration.buildVerificationUrl?.(link, standard) ?? standard,
      expiresAt: links.expiryOf({ timestamp: requestedAt }, 'reset'),
      lifeMinutes: Math.round(settings.reset.period / 60),
      cancelLink: cancelLink('cancel', account, requestedAt, locale),
    })
  }

  /** Takes an email from what the account's mailbox gets, whichever of its accounts are asked for. */
  function spendMailbox({ id, email }: Account): Promise<MailboxShare> {
    return limits.spendMailbox(canonicalAddress(email) ?? email, id, async () => {
      const ids = await accounts.findIdsByAddress(email)
      return limits.chooseOnTurn(ids.includes(id) ? ids : [...ids, id]).includes(id)
    })
  }

  /**
   * Tells of a new password, whatever else happened since, at the address that the account had then: whoever took it
   * over and changed its address must not be warned in the owner's place.
   *
   * Once the account has another address, the email has no "this wasn't me". All links that came to this mailbox died with
   * the change; those to the new one, and its emails, are not for an old mailbox to stop.
   */
  async function sendChangedEmail({ id, data, createdAt, attempt }: Work<'changed-email'>): Promise<Attempt> {
    const { accountId, requestId } = data
    const about = { requestId, accountId }
    const { account } = await accounts.read(accountId)
    const { email } = data
    if (account === null || email === '') {
      await hold('account-gone', about)
      return done
    }
    const locale = languageOf(account, data.locale)
    const changedAt = Math.floor(createdAt.getTime() / 1000)
    const text = await emails.changed({
      locale,
      sender,
      account: { ...account, email },
      changedAt: createdAt,
      client: roughClient(data.client),
      cancelLink:
        email === account.email ? cancelLink('cancel-change', account, changedAt, locale) : undefined,
    })
    return deliver('notified', id, { ...account, email }, text, about, attempt)
  }

  async function tellPasswordChanged({ data }: Work<'changed-hook'>): Promise<Attempt> {
    await configuration.passwordChanged?.({ id: data.accountId, username: data.username })
    return done
  }

  /** An email that is silently not sent. Whoever asks a thousand times causes a thousand, so one in ten minutes is kept. */
  async function hold(reason: string, about: About): Promise<'held'> {
    const facts = { ...about, reason }
    // No client's note but the account's: those of a flood come from everywhere.
    if (await limits.isFirstInWindow(unknownClient, `held ${reason} ${about.accountId}`))
      await audit.record('held', facts)
    else audit.logOnly('held', facts)
    return 'held'
  }

  /**
   * Hands an email over. What happened is recorded without regard to whether recording works: an email that left must
   * not leave twice because the database went away in between.
   */
  async function deliver(
    event: 'sent' | 'notified',
    id: string,
    account: Account,
    text: EmailText,
    about: About,
    attempt: number,
  ): Promise<Attempt> {
    const send = () => parts.mailer.send({ id, to: account.email, content: text })
    const handOver = async () =>
      (await configuration.sendEmail?.({ id, to: account.email, text, account }, send)) ?? send()
    const outcome = await (event === 'sent' ? departures.send(handOver) : handOver())
    if (outcome.ok) {
      await audit.recordBestEffort(event, about)
      return done
    }
    if (outcome.final) {
      log.error({ event: 'email_failed', ...about, attempt, reason: outcome.reason })
      await audit.recordBestEffort('failed', { ...about, reason: outcome.reason })
      return { outcome: 'never', reason: outcome.reason }
    }
    log[outcome.alert === true ? 'error' : 'warn']({
      event: 'email_deferred',
      ...about,
      attempt,
      reason: outcome.reason,
    })
    return { outcome: 'later', reason: outcome.reason, maybeDelivered: outcome.maybeDelivered }
  }

  /**
   * The "this wasn't me" of an email, on this app whatever page the reset link leads to. It names the email's language
   * where that is neither the account's nor DEFAULT_LOCALE. In the usual case a link has its three parameters and no
   * more, and its page is in the account's language, else in the browser's.
   */
  function cancelLink(
    purpose: 'cancel' | 'cancel-change',
    account: Account,
    timestamp: number,
    language: Language,
  ): string {
    const link = links.create(purpose, account.id, timestamp, linkState(account))
    const page = new URL(urlInApp(settings, '/cancel-reset/'))
    const known = storedLanguage(account.locale) ?? settings.defaultLocale
    if (language !== known) page.searchParams.set('lang', language)
    return buildLinkUrl(page.href, link)
  }

  async function findByLogin(login: string, requestId: string): Promise<Account[]> {
    const capped = (count: number) => log.warn({ event: 'accounts_capped', requestId, count })
    const found = await findAccounts(parts, login, (ids) => {
      if (ids.length > accountsOnTurn) capped(ids.length)
      return limits.chooseOnTurn(ids)
    })
    if (found.length <= accountsOnTurn) return found
    // A team's own function may find more.
    capped(found.length)
    // Ids begin with the time at which they were made (UUID version 7, RFC 9562 §5.7).
    const age = (a: Account, b: Account) => (a.id < b.id ? -1 : 1)
    const isNamed = ({ username }: Account) => Number(usernameSpellings(login).includes(username))
    return found.sort((a, b) => isNamed(b) - isNamed(a) || age(a, b)).slice(0, accountsOnTurn)
  }

  async function findById(accountId: string): Promise<Account[]> {
    const { account } = await accounts.read(accountId)
    return account !== null && mayReset(account) ? [account] : []
  }

  const rehearsal = createRehearsal({ ...parts, write })

  function languageOf({ locale }: Pick<Account, 'locale'>, asked: string): Language {
    return storedLanguage(locale) ?? (isLanguage(asked) ? asked : settings.defaultLocale)
  }

  return {
    'link-request': sendLinks,
    'link-email': sendEmail,
    'changed-email': sendChangedEmail,
    'changed-hook': tellPasswordChanged,
  }
}

/** The id of an account's email job: the same when the asking job runs twice, so that no second email is queued. */
function derivedId(jobId: string, accountId: string): string {
  const bytes = createHash('sha256').update(`${jobId} ${accountId}`).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x80 // version 8: custom (RFC 9562 §5.8)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

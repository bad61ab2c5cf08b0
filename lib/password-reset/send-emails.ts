import { createHash } from 'node:crypto'
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
import type { LetterText, Letters, Sender } from '@/lib/mail/email-types'
import type { Limits } from '@/lib/rate-limits/limits'
import type { Log } from '@/lib/logging/log'
import type { Mailer } from '@/lib/mail/mailer'
import { urlInApp } from '@/lib/config/own-path'
import { findAccounts } from './find-accounts'
import { auditUnknownAccount } from './refuse'
import type { Attempt, Handlers, Queue, Work } from '@/lib/queue/queue'
import { buildLinkUrl, type Links } from './reset-link'
import type { Settings } from '@/lib/config/settings'

export type Parts = {
  accounts: Accounts
  links: Links
  letters: Letters
  mailer: Mailer
  queue: Queue
  limits: Limits
  audit: Audit
  database: Pick<Database, 'transaction'>
  settings: Settings
  configuration: Configuration
  log: Log
}

/** A link with less life than this, in seconds, is not sent any more: its letter would only annoy. */
const leastLife = 5 * 60

/**
 * Letters that one asking makes. Whoever may register accounts with somebody else's address must not make thousands of
 * one. The account of the username that was typed comes first, so that nobody's own is left out; then the oldest.
 */
const mostLetters = 20

type About = { requestId: string; accountId: string }

const done: Attempt = { outcome: 'done' }

/** The worker's half of the story: whose letters, which link, out by mail. */
export function createLetterSending(parts: Parts): Handlers {
  const { accounts, links, letters, queue, limits, audit, database, settings, configuration, log } = parts
  const sender: Sender = {
    appName: settings.look.appName,
    publicOrigin: settings.publicOrigin,
    publicUrl: settings.publicUrl,
    supportEmail: settings.look.supportEmail,
    signInUrl: settings.look.signInUrl,
    brandColor: settings.look.brandColor,
  }

  /**
   * Queues a letter for every account that was asked for. The link's life starts when the asking was stored.
   *
   * Each asking is in the process's log. The audit log, where rows stay for half a year, keeps the first per client,
   * account and ten minutes: a flood from many networks must not fill the disk, and still an account's history names
   * every network that asked. What came of an asking has an entry of its own: each letter that left, and of those held
   * back the first in ten minutes for each reason.
   */
  async function sendLinks({ id, data, createdAt, attempt }: Work<'link-request'>): Promise<Attempt> {
    const { target, locale, requestId, client, bypassPause } = data
    const found =
      'login' in target ? await findByLogin(target.login, requestId) : await findById(target.accountId)
    const requestedAt = Math.floor(createdAt.getTime() / 1000)
    if (found.length === 0) {
      await auditUnknownAccount(parts, { requestId, client })
      return done
    }
    const kept = new Set<string>()
    // An attempt that failed has used its note up, and kept nothing.
    for (const account of found)
      if (attempt > 1 || (await limits.isNoteworthy(client, `asked ${account.id}`))) kept.add(account.id)
    await queue.ready()
    await database.transaction(async (tx) => {
      for (const account of found) {
        const email = { accountId: account.id, requestedAt, locale, requestId, bypassPause }
        await queue.add('link-email', email, { tx, id: derivedId(id, account.id) })
        const facts = { accountId: account.id, requestId, client }
        if (kept.has(account.id)) await audit.record('requested', facts, tx)
        else audit.logOnly('requested', facts)
      }
    })
    return done
  }

  /** Signs a link for the account as it is now and mails it. A retry carries the same link. */
  async function sendLetter({ id, data, attempt }: Work<'link-email'>): Promise<Attempt> {
    const { accountId, requestedAt, requestId, bypassPause } = data
    const about = { requestId, accountId }
    if (!settings.reset.enabled) return hold('switched-off', about)
    const { account, now } = await accounts.read(accountId)
    if (account === null || !mayReset(account) || passwordChangedSince(account, requestedAt))
      return hold('account-changed', about)

    const expiresAt = links.expiryOf({ timestamp: requestedAt }, 'reset')
    const lifeLeft = (expiresAt.getTime() - now.getTime()) / 1000
    if (lifeLeft < Math.min(leastLife, settings.reset.period / 2)) {
      log.error({ event: 'reset_letter_abandoned', ...about, attempt })
      // After an outage of the mail server, whoever asks again must not find all slots taken by letters that never left.
      await accounts.releaseEmail(account.id, id)
      await audit.record('failed', { ...about, reason: 'link-would-expire' })
      return { outcome: 'never', reason: 'link-would-expire' }
    }
    const slot = await accounts.reserveEmail(account.id, id, settings.emailSlots, {
      bypass: bypassPause,
      keepFor: settings.reset.period,
      linkEnds: expiresAt,
    })
    if (slot === null) return hold('letter-limit', about)
    // Where a stranger's reset is undone, what the stranger asked for before must not count.
    const budget = await limits.spendLetter({ first: slot.first || bypassPause })
    if (budget.alert) log.error({ event: 'letter_budget_spent', reason: 'LIMIT_LETTERS' })
    if (!budget.ok) return { outcome: 'later', reason: 'letter-budget-spent' }
    let left = false
    const locale = languageOf(account, data.locale)
    // The row that holds the epoch may have been purged and made anew since the account was read.
    const state = linkState({ ...account, linksEpoch: slot.linksEpoch })
    try {
      const link = links.create('reset', account.id, requestedAt, state)
      const standard = buildLinkUrl(settings.reset.pageUrl, link)
      const text = await letters.reset({
        locale,
        sender,
        account,
        link: configuration.buildVerificationUrl?.(link, standard) ?? standard,
        expiresAt,
        lifeMinutes: Math.round(settings.reset.period / 60),
        cancelLink: cancelLink('cancel', { ...account, linksEpoch: slot.linksEpoch }, requestedAt, locale),
      })
      const ended = await deliver('sent', id, account, text, about, attempt)
      left = ended.outcome === 'done' || (ended.outcome === 'later' && ended.maybeDelivered === true)
      return ended
    } finally {
      if (!left) await limits.returnLetter()
    }
  }

  /**
   * Tells of a new password, whatever else happened since, at the address that the account had then: whoever took it
   * over and changed its address must not be warned in the owner's place.
   *
   * Once the account has another address, the letter has no "this wasn't me". All links that came to this mailbox died with
   * the change; those to the new one, and its letters, are not for an old mailbox to stop.
   */
  async function sendChangedLetter({
    id,
    data,
    createdAt,
    attempt,
  }: Work<'changed-email'>): Promise<Attempt> {
    const { accountId, requestId } = data
    const about = { requestId, accountId }
    const { account } = await accounts.read(accountId)
    const { email } = data
    if (account === null || email === '') return hold('account-gone', about)
    const locale = languageOf(account, data.locale)
    const changedAt = Math.floor(createdAt.getTime() / 1000)
    const text = await letters.changed({
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

  /** A letter that is silently not sent. Whoever asks a thousand times causes a thousand, so one in ten minutes is kept. */
  async function hold(reason: string, about: About): Promise<Attempt> {
    const facts = { ...about, reason }
    // No client's note but the account's: those of a flood come from everywhere.
    if (await limits.isNoteworthy(unknownClient, `held ${reason} ${about.accountId}`))
      await audit.record('held', facts)
    else audit.logOnly('held', facts)
    return done
  }

  /**
   * Hands a letter over. What happened is recorded without regard to whether recording works: a letter that left must
   * not leave twice because the database went away in between.
   */
  async function deliver(
    event: 'sent' | 'notified',
    id: string,
    account: Account,
    text: LetterText,
    about: About,
    attempt: number,
  ): Promise<Attempt> {
    const send = () => parts.mailer.send({ id, to: account.email, letter: text })
    const outcome = await (configuration.sendLetter?.({ id, to: account.email, text, account }, send) ??
      send())
    if (outcome.ok) {
      await audit.recordBestEffort(event, about)
      return done
    }
    if (outcome.final) {
      log.error({ event: 'letter_failed', ...about, attempt, reason: outcome.reason })
      await audit.recordBestEffort('failed', { ...about, reason: outcome.reason })
      return { outcome: 'never', reason: outcome.reason }
    }
    log[outcome.alert === true ? 'error' : 'warn']({
      event: 'letter_deferred',
      ...about,
      attempt,
      reason: outcome.reason,
    })
    return { outcome: 'later', reason: outcome.reason, maybeDelivered: outcome.maybeDelivered }
  }

  /**
   * The "this wasn't me" of a letter, on this app whatever page the reset link leads to. It names the letter's language
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
    const found = await findAccounts(parts, login)
    if (found.length <= mostLetters) return found
    log.warn({ event: 'accounts_capped', requestId, count: found.length })
    // Ids begin with the time at which they were made (UUID version 7, RFC 9562 §5.7).
    const age = (a: Account, b: Account) => (a.id < b.id ? -1 : 1)
    const isNamed = ({ username }: Account) => Number(username === login)
    return found.sort((a, b) => isNamed(b) - isNamed(a) || age(a, b)).slice(0, mostLetters)
  }

  async function findById(accountId: string): Promise<Account[]> {
    const { account } = await accounts.read(accountId)
    return account !== null && mayReset(account) ? [account] : []
  }

  function languageOf(account: Account, asked: string): Language {
    return storedLanguage(account.locale) ?? (isLanguage(asked) ? asked : settings.defaultLocale)
  }

  return {
    'link-request': sendLinks,
    'link-email': sendLetter,
    'changed-email': sendChangedLetter,
    'changed-hook': tellPasswordChanged,
  }
}

/** The id of an account's letter job: the same when the asking job runs twice, so that no second letter is queued. */
function derivedId(jobId: string, accountId: string): string {
  const bytes = createHash('sha256').update(`${jobId} ${accountId}`).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x80 // version 8: custom (RFC 9562 §5.8)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

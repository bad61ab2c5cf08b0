import {
  longestLogin,
  mayReset,
  passwordChangedSince,
  linkState,
  type Account,
  type Accounts,
} from '@/lib/accounts/accounts'
import type { Audit } from '@/lib/audit/audit'
import type { BreachCheck } from '@/lib/passwords/breach-check'
import type { Configuration, ResetRequest } from './extension-points'
import type { Database } from '@/lib/database/pool'
import type { Counted, Limits } from '@/lib/rate-limits/limits'
import type { PasswordHash } from '@/lib/passwords/hash-queue'
import type { PasswordPolicy, PolicyProblem } from '@/lib/passwords/policy'
import type { Queue } from '@/lib/queue/queue'
import type { GenuineLink, Link, Links, Purpose, Verdict } from './reset-link'
import type { Settings } from '@/lib/config/settings'

export type Parts = {
  accounts: Accounts
  links: Links
  policy: PasswordPolicy
  isBreached: BreachCheck
  hash: PasswordHash
  queue: Queue
  limits: Limits
  audit: Audit
  database: Pick<Database, 'transaction'>
  settings: Pick<Settings, 'reset'>
  configuration: Configuration
}

/** Who asks, and where they ask from. */
export type LinkRequest = {
  asked: { login: string } | { link: Link }
  locale: string
  requestId: string
  client: string
}

export type ResetInput = {
  link: Link
  password: string
  /** The repetition, where the endpoint asks for one. */
  passwordConfirm: string | undefined
  locale: string
  requestId: string
  request: ResetRequest
}

export type CancelInput = { link: Link; locale: string; requestId: string; client: string }

export type Throttled = { ok: false; code: 'throttled'; retryAfter: number }
export type Refused = {
  ok: false
  code: Exclude<Verdict, 'holds'> | 'second-factor-required' | 'second-factor-exhausted'
}
export type PasswordProblem = PolicyProblem | { code: 'breached' }
export type Rejected = {
  ok: false
  code: 'password-rejected'
  problems: PasswordProblem[]
  mismatch: boolean
}
export type Outcome = { ok: true } | Refused | Rejected | Throttled
export type CancelOutcome = { ok: true; newLink: boolean } | Refused | Throttled
export type AskOutcome =
  { ok: true; found: boolean | 'not-told' } | { ok: false; code: 'not-genuine' | 'not-found' } | Throttled

/** What a page may know of a link. The account is named only while the link would still work. */
export type Look =
  | {
      state: 'holds'
      account: Pick<Account, 'username' | 'email' | 'firstName' | 'lastName' | 'locale'>
      expiresAt: Date
    }
  | { state: Exclude<Verdict, 'holds'> }

/** Seconds that "this wasn't me" holds letters back: long enough to end a flood, too short to lock anybody out. */
const letterPause = 3600

/**
 * What a page may know of a "this wasn't me" link: no account, whether its letter told of a changed password, and whether
 * it starts a fresh reset.
 */
export type CancelLook =
  | { state: 'holds'; locale: string | null; changed: boolean; newLink: boolean }
  | { state: Exclude<Verdict, 'holds'> }

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** The story of a reset as the web process tells it. What the worker does is in `letter-sending.ts`. */
export function createPasswordReset(parts: Parts) {
  const {
    accounts,
    links,
    policy,
    isBreached,
    hash,
    queue,
    limits,
    audit,
    database,
    settings,
    configuration,
  } = parts

  /**
   * Remembers that somebody asked. Looks nothing up: the answer must not depend on what the database knows
   * (OWASP Forgot Password, "Forgot Password Request"). A login longer than any account's is answered as every other, and
   * not kept: how long it is says nothing of accounts.
   *
   * @returns whether an account was found, only where RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND asks for it by name;
   *   'not-genuine' for the three fields of a link that we never made
   */
  async function requestLink({ asked, locale, requestId, client }: LinkRequest): Promise<AskOutcome> {
    const genuine = 'link' in asked ? links.open('reset', asked.link) : null
    if ('link' in asked && genuine === null) return { ok: false, code: 'not-genuine' }
    const counted =
      'login' in asked
        ? await limits.countAsk(client, asked.login)
        : await limits.countRenewal(client, asked.link)
    if (!counted.ok) return throttled(counted, { requestId, client })

    const tooLong = 'login' in asked && asked.login.length > longestLogin
    const tells = settings.reset.failWhenUserNotFound
    if (tells && (tooLong || !(await hasAccount(asked)))) return { ok: false, code: 'not-found' }
    if (tooLong) {
      await noteNobody(parts, { requestId, client })
    } else {
      const target = 'login' in asked ? asked : { accountId: asked.link.user_id }
      await queue.add('link-request', { target, locale, requestId, client, bypassPause: false })
    }
    return { ok: true, found: tells ? true : 'not-told' }
  }

  /** Reads a link without using it: pages may be loaded by anybody and anything, as often as they like. */
  async function look(link: Link): Promise<Look> {
    const { verdict, account } = await weigh(link)
    if (verdict !== 'holds') return { state: verdict }
    const { username, email, firstName, lastName, locale } = account
    return {
      state: 'holds',
      account: { username, email, firstName, lastName, locale },
      expiresAt: links.expiryOf(link, 'reset'),
    }
  }

  /** Replaces the password if the link still holds; of two visitors with one link, one gets through. */
  async function complete(input: ResetInput): Promise<Outcome> {
    const { link, password, passwordConfirm, locale, requestId, request } = input
    const about = { requestId, client: request.client }
    const counted = await limits.countReset(request.client, links.open('reset', link))
    if (!counted.ok) return throttled(counted, about)
    const { verdict, account } = await weigh(link)
    if (verdict !== 'holds') return refused(verdict, link, about)

    const problems: PasswordProblem[] = policy.judge(password, account)
    if (problems.length === 0 && (await isBreached(password))) problems.push({ code: 'breached' })
    const mismatch = settings.reset.passwordConfirm && passwordConfirm !== password
    if (problems.length > 0 || mismatch) {
      const attempt = await limits.countAttempt(request.client, link.signature)
      if (!attempt.ok) return throttled(attempt, about)
      await noteRefusal('password-rejected', account.id, about)
      return { ok: false, code: 'password-rejected', problems, mismatch }
    }
    if (configuration.secondFactor) {
      // Counted before it is asked: many guesses of a code at once must not all be judged.
      const attempt = await limits.countAttempt(request.client, link.signature)
      if (!attempt.ok) return throttled(attempt, about)
      const guess = await limits.countGuess(link.signature)
      if (!guess.ok) {
        // No "later": it is a new link that helps, and at once.
        await noteLimited(guess, about)
        return { ok: false, code: 'second-factor-exhausted' }
      }
      // The fields are read only here: before, nothing that was sent is worth the work.
      if (!(await configuration.secondFactor(account, { ...request })))
        return refused('second-factor-required', link, about)
    }

    const newHash = await hash.hash(password)
    await queue.ready()
    const replaced = await database.transaction(async (tx) => {
      const bindPassword = settings.reset.oneTimeUse
      if (!(await accounts.replacePassword(tx, account.id, linkState(account), newHash, { bindPassword })))
        return false
      await configuration.revokeSessions?.(tx, account)
      const done = { ...about, accountId: account.id }
      await audit.record('changed', done, tx)
      if (configuration.revokeSessions)
        await audit.record('sessionsEnded', { ...done, reason: 'revoked' }, tx)
      await queue.add(
        'changed-email',
        { accountId: account.id, email: account.email, client: request.client, locale, requestId },
        { tx },
      )
      if (configuration.passwordChanged) {
        await queue.add(
          'changed-hook',
          { accountId: account.id, username: account.username, requestId },
          { tx },
        )
      }
      return true
    })
    return replaced ? { ok: true } : refused('signature-used', link, about)
  }

  /** Only where RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND asks for it by name. */
  async function hasAccount(asked: LinkRequest['asked']): Promise<boolean> {
    if ('login' in asked) return (await findAccounts(parts, asked.login)).length > 0
    const { account } = await accounts.read(asked.link.user_id)
    return account !== null && mayReset(account)
  }

  /** Reads a "this wasn't me" link without using it. */
  async function lookAtCancel(link: Link): Promise<CancelLook> {
    const { verdict, account, purpose } = await weighCancel(link)
    if (verdict !== 'holds') return { state: verdict }
    return {
      state: verdict,
      locale: account.locale,
      changed: tellsOfChange(account, link, purpose),
      newLink: startsReset(account, link, purpose),
    }
  }

  function startsReset(account: Account, link: Link, purpose: Purpose | undefined): boolean {
    return settings.reset.enabled && tellsOfChange(account, link, purpose) && mayReset(account)
  }

  /** Where links may be used more than once, that of the first letter outlives the change, too. */
  function tellsOfChange(account: Account, link: Link, purpose: Purpose | undefined): boolean {
    return purpose === 'cancel-change' || passwordChangedSince(account, link.timestamp)
  }

  /**
   * "This wasn't me": kills all live links of the account and holds its letters back for an hour. From the letter about
   * a changed password it also mails a fresh link, past the pause it has just set. Works once, and starts three fresh
   * resets in an hour: with an account of one's own one could otherwise go round and round, and use up everybody's letters.
   */
  async function cancel({ link, locale, requestId, client }: CancelInput): Promise<CancelOutcome> {
    const about = { requestId, client }
    const counted = await limits.countReset(client, openCancel(link))
    if (!counted.ok) return throttled(counted, about)
    const { verdict, account, purpose } = await weighCancel(link)
    if (verdict !== 'holds') return refused(verdict, link, about)

    const newLink = startsReset(account, link, purpose)
    if (newLink) {
      const restart = await limits.countRestart(account.id)
      if (!restart.ok) return throttled(restart, about)
    }
    let cancelled = false
    try {
      await queue.ready()
      cancelled = await database.transaction(async (tx) => {
        if (!(await accounts.revokeLinks(tx, account.id, account.linksEpoch, letterPause))) return false
        await audit.record('cancelled', { ...about, accountId: account.id, reason: purpose }, tx)
        const target = { accountId: account.id }
        if (newLink)
          await queue.add('link-request', { target, locale, requestId, client, bypassPause: true }, { tx })
        return true
      })
    } finally {
      if (newLink && !cancelled) await limits.returnRestart(account.id)
    }
    return cancelled ? { ok: true, newLink } : refused('signature-used', link, about)
  }

  /** The signature is judged before anything else: a forged one costs no look-up. */
  async function weigh(link: Link): Promise<Weighed> {
    const genuine = links.open('reset', link)
    if (genuine === null) return { verdict: 'signature-invalid' }
    const { account, now } = await accounts.read(genuine.user_id)
    const verdict = links.judge(genuine, account && linkState(account), now)
    if (verdict !== 'holds') return { verdict }
    return account !== null && mayReset(account) ? { verdict, account } : { verdict: 'signature-used' }
  }

  function openCancel(link: Link): GenuineLink | null {
    return links.open('cancel', link) ?? links.open('cancel-change', link)
  }

  async function weighCancel(link: Link): Promise<Weighed & { purpose?: Purpose }> {
    const genuine = openCancel(link)
    if (genuine === null) return { verdict: 'signature-invalid' }
    const { account, now } = await accounts.read(genuine.user_id)
    const verdict = links.judge(genuine, account && linkState(account), now)
    if (verdict !== 'holds') return { verdict }
    return account === null ? { verdict: 'signature-used' } : { verdict, account, purpose: genuine.purpose }
  }

  /** Whose account a forged link names is nobody's word to take, so it is noted without one. */
  async function refused(code: Refused['code'], link: Link, about: Where): Promise<Refused> {
    await noteRefusal(code, code === 'signature-invalid' ? undefined : link.user_id, about)
    return { ok: false, code }
  }

  /** Notes the first refusal of its kind; a flood must not fill the log. */
  async function noteRefusal(
    reason: Refused['code'] | Rejected['code'],
    accountId: string | undefined,
    about: Where,
  ): Promise<void> {
    if (!(await limits.isNoteworthy(about.client, `${reason} ${accountId}`))) return
    await audit.note(reason === 'signature-used' ? 'reused' : 'refused', { ...about, accountId, reason })
  }

  /** Only the first refusal of a window is noted: a flood must not fill the log. */
  async function noteLimited(counted: Counted & { ok: false }, about: Where): Promise<void> {
    if (counted.first) await audit.note('limited', { ...about, reason: counted.limit })
  }

  async function throttled(counted: Counted & { ok: false }, about: Where): Promise<Throttled> {
    await noteLimited(counted, about)
    return { ok: false, code: 'throttled', retryAfter: counted.retryAfter }
  }

  return { requestLink, look, complete, lookAtCancel, cancel }
}

type Where = { requestId: string; client: string }

type Weighed =
  { verdict: 'holds'; account: Account } | { verdict: Exclude<Verdict, 'holds'>; account?: never }

/**
 * Tells of an asking for what is nobody's: each in the process's log, in the audit log the first per client and ten
 * minutes. Its rows stay for half a year, and a flood of made-up logins must not fill the disk.
 */
export async function noteNobody(
  { limits, audit }: Pick<Parts, 'limits' | 'audit'>,
  about: Where,
): Promise<void> {
  const facts = { ...about, reason: 'no-account' }
  if (await limits.isNoteworthy(about.client, 'no-account')) await audit.note('requested', facts)
  else audit.tell('requested', facts)
}

/** The accounts that a login names, by the team's own rule where there is one. */
export async function findAccounts(
  { accounts, settings, configuration }: Pick<Parts, 'accounts' | 'settings' | 'configuration'>,
  login: string,
): Promise<Account[]> {
  const find = configuration.findAccounts ?? ((text, fields, findByLogin) => findByLogin(text, fields))
  return (await find(login, settings.reset.loginFields, accounts.findByLogin)).filter(mayReset)
}

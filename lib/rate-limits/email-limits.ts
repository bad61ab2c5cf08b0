import { randomInt } from 'node:crypto'
import { unknownClient } from '@/lib/addresses/client-ip'
import { createKeyedRandom } from './keyed-random'
import type { LimitSettings } from './limit-table'

type Counter = 'emails' | 'firstEmails' | 'emailsPerMailbox' | 'mailboxTurns'

/** A count of emails, which allows up to `most`. */
export type EmailCount = { name: Counter; of: string; most: number }

/** Takes back the counts of an email that was not sent, except from a spent budget. */
type Release = () => Promise<void>

export type CountedEmail = {
  /** The recipient's address in canonical form, or as stored if it is not valid. */
  address: string
  accountId: string
  /** Whether the email is the account's first in the window of LIMIT_EMAILS_PER_ACCOUNT, or "this wasn't me" requested its link. */
  first: boolean
  /** Whether the limit of the mailbox does not apply. */
  bypassesMailbox: boolean
  /** Whether `chooseOnTurn` chooses the account. */
  isOnTurn: () => Promise<boolean>
}

/** `alert`: the installation's budget is spent, and no alert was raised in the window of `firstEvents`. */
export type EmailAllowance =
  { ok: true; alert: boolean; release: Release } | { ok: false; limit: 'mailbox' | 'budget'; alert: boolean }

type Share = { ok: boolean; release: Release }

const nothingTaken: Share = { ok: false, release: async () => undefined }

/** The random budget of a window is at most this fraction below LIMIT_EMAILS. */
const margin = 1 / 4

/** The most accounts of one mailbox that get an email for one request: an attacker may register thousands with a victim's address. */
export const maxAccountsPerMailbox = 20

type Parts = {
  /**
   * Counts an email for its mailbox and, if the mailbox's limit allows it, for the installation, in one statement. With 0 points, the cost
   * is the same, but nothing is counted. Returns which count decided, and whether it allows the email.
   */
  takeBoth: (
    mailbox: EmailCount,
    all: EmailCount,
    points: 0 | 1,
  ) => Promise<{ by: 'mailbox' | 'all'; ok: boolean }>
  /** Counts one email, and returns whether the count allows it. */
  take: (count: EmailCount) => Promise<boolean>
  /** Takes one email back from a count, unless the count is above its `most`. */
  release: (count: EmailCount) => Promise<void>
  isFirstInWindow: (client: string, kind: string) => Promise<boolean>
  pseudonym: (text: string) => string
  key: Buffer
  settings: Pick<LimitSettings, 'emails' | 'emailsPerMailbox'>
}

/** How many rows stand for the mailboxes of simulated emails: so many that few emails of a batch share one. */
const simulatedMailboxes = 1024

/** Creates the limits of emails with links: of the whole installation, and of each mailbox. */
export function createEmailLimits(parts: Parts) {
  const { take, takeBoth, release, isFirstInWindow, pseudonym, settings } = parts
  const random = createKeyedRandom(parts.key)

  /**
   * Counts an email for its mailbox, which several accounts may share, and for the installation.
   *
   * Above the mailbox's limit, each account on turn (`chooseOnTurn`) may get one more email in the window. Once the installation's budget
   * is spent, a second budget serves emails with `first`: an attacker who spends the budget on known accounts must not stop the emails of
   * all others.
   *
   * The budgets of a window are random, so that an attacker cannot infer how many emails others got, and independent, so that one does not
   * reveal the other. A spent budget stays spent: a free place would reveal another person's request.
   */
  async function countEmail(email: CountedEmail): Promise<EmailAllowance> {
    const { address, bypassesMailbox } = email
    const window = random.window('emails', settings.emails.seconds)
    const ofMailbox = `${pseudonym(`mailbox ${address}`)} ${mailboxWindow()}`
    const mailbox = countOf('emailsPerMailbox', ofMailbox, settings.emailsPerMailbox.count)
    const all = countOf('emails', `all ${window}`, budgetOf('emails', window))
    const counted = await takeBoth(bypassesMailbox ? { ...mailbox, most: noLimit } : mailbox, all, 1)

    const isRefused = counted.by === 'mailbox'
    const own = isRefused ? await takeTurn(ofMailbox, email) : shareOf(mailbox)
    if (!own.ok) return { ok: false, limit: 'mailbox', alert: false }
    const usual = isRefused ? await takeShare(all) : counted.ok ? shareOf(all) : nothingTaken
    if (usual.ok) return allowed([own, usual], false)
    const second = email.first
      ? await takeShare(countOf('firstEmails', `all ${window}`, budgetOf('firstEmails', window)))
      : nothingTaken
    const alert = await isFirstInWindow(unknownClient, 'email budget spent')
    if (second.ok) return allowed([own, second], alert)
    await own.release()
    return { ok: false, limit: 'budget', alert }
  }

  /** Returns the budget of a window. Two random numbers are subtracted, so that the smallest budgets, which reveal the most, are rare. */
  function budgetOf(name: 'emails' | 'firstEmails', window: number): number {
    const { count: most } = settings.emails
    const places = Math.floor((most * margin) / 2) + 1
    return (
      most - random.number(`${name} ${window} one`, places) - random.number(`${name} ${window} two`, places)
    )
  }

  /** Counts an email above the limit of its mailbox. Only an account on turn (`chooseOnTurn`) may get it, once in a window. */
  async function takeTurn(mailbox: string, { accountId, isOnTurn }: CountedEmail): Promise<Share> {
    if (!(await isOnTurn())) return nothingTaken
    const turn = await takeShare(countOf('mailboxTurns', `${mailbox} ${pseudonym(accountId)}`, 1))
    if (!turn.ok) return turn
    // `isOnTurn` may choose from only a part of the mailbox's accounts, so more than `maxAccountsPerMailbox` may be on turn.
    const turns = await takeShare(countOf('mailboxTurns', mailbox, maxAccountsPerMailbox))
    return { ok: turns.ok, release: releaseAll([turn, turns]) }
  }

  /**
   * Chooses up to `maxAccountsPerMailbox` accounts of a mailbox that may get an email. Of more accounts, half of the chosen are the oldest,
   * and half are random in each window: an attacker who registers accounts later cannot exclude the owner's account for good.
   *
   * @param ids the ids of the mailbox's accounts, oldest first
   */
  function chooseOnTurn(ids: string[]): string[] {
    if (ids.length <= maxAccountsPerMailbox) return ids
    const oldest = ids.slice(0, maxAccountsPerMailbox / 2)
    const others = random.shuffle(`turn ${mailboxWindow()}`, ids.slice(maxAccountsPerMailbox / 2))
    return [...oldest, ...others.slice(0, maxAccountsPerMailbox / 2)]
  }

  const mailboxWindow = () => random.window('mailbox', settings.emailsPerMailbox.seconds)

  const countOf = (name: Counter, of: string, most: number): EmailCount => ({ name, of, most })
  const shareOf = (count: EmailCount): Share => ({ ok: true, release: () => release(count) })

  /** Counts one email. It stays counted even if it is not allowed, so that a spent budget stays spent. */
  async function takeShare(count: EmailCount): Promise<Share> {
    return (await take(count)) ? shareOf(count) : nothingTaken
  }

  /** Costs the database about as much as counting an email, but counts nothing. */
  async function simulateEmail(): Promise<void> {
    const window = random.window('emails', settings.emails.seconds)
    const mailbox = countOf('emailsPerMailbox', `nobody ${randomInt(simulatedMailboxes)}`, noLimit)
    await takeBoth(mailbox, countOf('emails', `all ${window}`, noLimit), 0)
  }

  return { countEmail, chooseOnTurn, simulateEmail }
}

const noLimit = 2 ** 31 - 1

const releaseAll =
  (shares: Share[]): Release =>
  async () =>
    void (await Promise.all(shares.map((share) => share.release())))

const allowed = (shares: Share[], alert: boolean): EmailAllowance => ({
  ok: true,
  alert,
  release: releaseAll(shares),
})

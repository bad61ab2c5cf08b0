import { unknownClient } from '@/lib/addresses/client-ip'
import { createKeyedRandom } from './keyed-random'
import type { LimitSettings } from './limit-table'

type Counter = 'emails' | 'firstEmails' | 'emailsPerMailbox' | 'mailboxTurns'

/** Releases what an email counted, because it was not sent. */
export type Release = () => Promise<void>

const nothingTaken: Release = async () => undefined

/** Whether an email may be sent. `alert`: the budget is spent, and no alert was raised in the last ten minutes. */
export type EmailBudget = { ok: boolean; alert: boolean; release: Release }

/** Whether an email may be sent to a mailbox. */
export type MailboxAllowance = { ok: boolean; release: Release }

/** The random budget of a window is at most this fraction below LIMIT_EMAILS. */
const margin = 1 / 4

/**
 * The most accounts of one mailbox that get an email for one request. An attacker who registers accounts with a victim's
 * address must not cause thousands of emails with one request.
 */
export const maxAccountsPerMailbox = 20

type Parts = {
  /** Counts one and returns the new count. */
  take: (name: Counter, of: string) => Promise<number>
  /** Costs the same as counting one, but counts nothing. */
  touch: (name: Counter, of: string) => Promise<void>
  /** @param most a count above this is not released */
  release: (name: Counter, of: string, most: number) => Promise<void>
  isFirstInWindow: (client: string, kind: string) => Promise<boolean>
  pseudonym: (text: string) => string
  key: Buffer
  settings: Pick<LimitSettings, 'emails' | 'emailsPerMailbox'>
}

/** Limits the emails with links: of the whole installation, and to one mailbox. */
export function createEmailBudget(parts: Parts) {
  const { take, touch, release, isFirstInWindow, pseudonym, settings } = parts
  const random = createKeyedRandom(parts.key)

  /**
   * Takes one email from the installation's budget. Once it is spent, only an account's first email in its window is
   * allowed, from a second budget of the same size: an attacker who spends the budget on known accounts must not stop the
   * emails of all others.
   *
   * Each budget of each window is random, up to a quarter below LIMIT_EMAILS, so that an attacker cannot infer how many
   * others were sent. The two are independent, so one does not reveal the other. A spent budget stays spent: a released
   * email would reveal another request.
   *
   * @param first whether it is the account's first email in its window
   */
  async function spendEmail({ first }: { first: boolean }): Promise<EmailBudget> {
    const window = random.window('emails', settings.emails.seconds)
    const usual = await takeShare('emails', `all ${window}`, budgetOf('emails', window))
    if (usual.ok) return { ...usual, alert: false }
    const second = first
      ? await takeShare('firstEmails', `all ${window}`, budgetOf('firstEmails', window))
      : usual
    return { ...second, alert: await isFirstInWindow(unknownClient, 'email budget spent') }
  }

  /**
   * Returns the budget of a window, which is the same in all processes. Two random numbers are subtracted from LIMIT_EMAILS, so that
   * values near the ends are rare: at a sharp end, one missing email would prove another request.
   */
  function budgetOf(name: 'emails' | 'firstEmails', window: number): number {
    const { count: most } = settings.emails
    const places = Math.floor((most * margin) / 2) + 1
    return (
      most - random.number(`${name} ${window} one`, places) - random.number(`${name} ${window} two`, places)
    )
  }

  /**
   * Takes one email from the limit of a mailbox, which all its accounts share. Once it is reached, only accounts on turn get
   * one more each.
   *
   * @param address an email address in canonical form; stored only as a MAC
   * @param isOnTurn see {@link chooseOnTurn}; called only once the limit is reached
   */
  async function spendMailbox(
    address: string,
    accountId: string,
    isOnTurn: () => Promise<boolean>,
  ): Promise<MailboxAllowance> {
    const { count: most } = settings.emailsPerMailbox
    const mailbox = `${pseudonym(`mailbox ${address}`)} ${mailboxWindow()}`
    const share = await takeShare('emailsPerMailbox', mailbox, most)
    if (share.ok || !(await isOnTurn())) return share
    const turn = await takeShare('mailboxTurns', `${mailbox} ${pseudonym(accountId)}`, 1)
    if (!turn.ok) return turn
    // If a mailbox has more accounts than a look-up reads, all of them may be on turn: limit their emails, too.
    const turns = await takeShare('mailboxTurns', mailbox, maxAccountsPerMailbox)
    return {
      ok: turns.ok,
      release: async () => void (await Promise.all([turn, turns].map((s) => s.release()))),
    }
  }

  /**
   * Chooses the accounts of a mailbox that are on turn, so that they may get an email. If it has more than `maxAccountsPerMailbox`,
   * half of that number are the oldest accounts, and the other half are random in each window. So an attacker who registers accounts
   * with the same email address cannot exclude the owner's.
   *
   * @param ids the ids of the mailbox's accounts, oldest first
   * @returns all of them, if they are not more
   */
  function chooseOnTurn(ids: string[]): string[] {
    if (ids.length <= maxAccountsPerMailbox) return ids
    const oldest = ids.slice(0, maxAccountsPerMailbox / 2)
    const others = random.shuffle(`turn ${mailboxWindow()}`, ids.slice(maxAccountsPerMailbox / 2))
    return [...oldest, ...others.slice(0, maxAccountsPerMailbox / 2)]
  }

  const mailboxWindow = () => random.window('mailbox', settings.emailsPerMailbox.seconds)

  /** Counts one email; rejected ones stay counted, so that a spent budget stays spent. */
  async function takeShare(name: Counter, of: string, most: number): Promise<MailboxAllowance> {
    return (await take(name, of)) <= most
      ? { ok: true, release: () => release(name, of, most) }
      : { ok: false, release: nothingTaken }
  }

  /** Costs the database the same as counting an email, on the same rows, but counts nothing. */
  async function simulateEmail(): Promise<void> {
    const window = random.window('emails', settings.emails.seconds)
    await touch('emailsPerMailbox', 'nobody')
    await touch('emails', `all ${window}`)
  }

  return { spendEmail, spendMailbox, chooseOnTurn, simulateEmail }
}

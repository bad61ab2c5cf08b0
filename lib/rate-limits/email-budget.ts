import { unknownClient } from '@/lib/addresses/client-ip'
import { createKeyedRandom } from './keyed-random'
import type { LimitSettings } from './limits'

type Counter = 'emails' | 'firstEmails' | 'emailsPerMailbox' | 'mailboxTurns'

/** Gives back the share of an email that did not leave. */
export type Release = () => Promise<void>

const nothingTaken: Release = async () => undefined

/**
 * Whether an email may leave. `alert`: the budget is used up, and that was not told in the last ten minutes.
 */
export type EmailBudget = { ok: boolean; alert: boolean; release: Release }

/** Whether an email may go to a mailbox. */
export type MailboxAllowance = { ok: boolean; release: Release }

/** A window's budget lies up to this part of LIMIT_EMAILS below it. */
const margin = 1 / 4

/**
 * Accounts of one mailbox that get an email at once. Anybody who may register accounts with somebody else's address must
 * not cause thousands of emails with one request.
 */
export const maxAccountsPerMailbox = 20

type Parts = {
  /** Counts one, and returns how many that makes. */
  take: (name: Counter, of: string) => Promise<number>
  /** Costs what counting one costs, and counts nothing. */
  touch: (name: Counter, of: string) => Promise<void>
  /** @param most above which nothing is given back */
  release: (name: Counter, of: string, most: number) => Promise<void>
  isFirstInWindow: (client: string, kind: string) => Promise<boolean>
  pseudonym: (text: string) => string
  key: Buffer
  settings: Pick<LimitSettings, 'emails' | 'emailsPerMailbox'>
}

/** How many emails with links leave: from the whole installation, and to one mailbox. */
export function createEmailBudget(parts: Parts) {
  const { take, touch, release, isFirstInWindow, pseudonym, settings } = parts
  const random = createKeyedRandom(parts.key)

  /**
   * Takes one email from the budget of the installation. Once it is used up, only accounts that had no email in their
   * window still get one, from a second budget as large: an attacker who spends the budget on known accounts must not
   * stop everybody else's email.
   *
   * Each budget of each window is drawn anew, up to a quarter below LIMIT_EMAILS: an attacker who counts own emails must
   * not learn how many others left. The two are drawn apart, since otherwise the first would tell the second. A budget
   * that was found spent stays spent: an email that is given back must not show in one that may leave then.
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
   * What a window's budget is; the same for all instances. The sum of two draws, so that numbers near the ends are rare: at
   * a sharp end, one email too few would be proof.
   */
  function budgetOf(name: 'emails' | 'firstEmails', window: number): number {
    const { count: most } = settings.emails
    const places = Math.floor((most * margin) / 2) + 1
    return (
      most - random.number(`${name} ${window} one`, places) - random.number(`${name} ${window} two`, places)
    )
  }

  /**
   * Takes one email from what a mailbox gets in a window, whichever of its accounts it is for. Once that is used up,
   * only accounts on turn get one more each.
   *
   * @param address in canonical form; kept only as a MAC
   * @param isOnTurn see {@link chooseOnTurn}; asked only once the mailbox's emails are used up
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
    // Accounts beyond those that a look-up reads may all be on turn: their emails are bounded, too.
    const turns = await takeShare('mailboxTurns', mailbox, maxAccountsPerMailbox)
    return {
      ok: turns.ok,
      release: async () => void (await Promise.all([turn, turns].map((s) => s.release()))),
    }
  }

  /**
   * Of more accounts on a mailbox than get an email at once: the oldest half, and as many of the others, drawn anew for
   * each window. So the owner's account has its turn, whatever strangers request for accounts that they registered with
   * the same address.
   *
   * @param ids of the mailbox's accounts, oldest first
   */
  function chooseOnTurn(ids: string[]): string[] {
    if (ids.length <= maxAccountsPerMailbox) return ids
    const oldest = ids.slice(0, maxAccountsPerMailbox / 2)
    const others = random.shuffle(`turn ${mailboxWindow()}`, ids.slice(maxAccountsPerMailbox / 2))
    return [...oldest, ...others.slice(0, maxAccountsPerMailbox / 2)]
  }

  const mailboxWindow = () => random.window('mailbox', settings.emailsPerMailbox.seconds)

  /** Counts one email; what was refused stays counted, so that a budget that was found spent stays so. */
  async function takeShare(name: Counter, of: string, most: number): Promise<MailboxAllowance> {
    return (await take(name, of)) <= most
      ? { ok: true, release: () => release(name, of, most) }
      : { ok: false, release: nothingTaken }
  }

  /** Costs the database what counting an email does, on the same rows, and counts nothing. */
  async function rehearseEmail(): Promise<void> {
    const window = random.window('emails', settings.emails.seconds)
    await touch('emailsPerMailbox', 'nobody')
    await touch('emails', `all ${window}`)
  }

  return { spendEmail, spendMailbox, chooseOnTurn, rehearseEmail }
}

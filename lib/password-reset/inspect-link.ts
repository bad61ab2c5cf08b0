import { signInName, type Account } from '@/lib/accounts/account'
import { startsReset, tellsOfChange } from './cancel-reset'
import type { ResetParts } from './reset-parts'
import type { Link, Verdict } from './reset-link'
import { verifyCancelLink, verifyResetLink } from './verify-link'

type Dead = { state: Exclude<Verdict, 'holds'> }

/** What a page may show for a reset link. It names the account only while the link still works. */
export type InspectedLink =
  | {
      state: 'holds'
      account: Pick<Account, 'username' | 'email' | 'firstName' | 'lastName' | 'name' | 'locale'> & {
        /** What its owner signs in with: the username or, where the users table has none, the address. */
        signInName: string
      }
      expiresAt: Date
    }
  | Dead

/**
 * What a page may show for a "this wasn't me" link: no account, whether its email told of a changed password, and whether it
 * starts a fresh reset.
 */
export type InspectedCancelLink =
  { state: 'holds'; locale: string | null; changed: boolean; newLink: boolean } | Dead

/** Reads a link without using it, so that people and mail scanners may load its page any number of times. */
export async function inspectLink(parts: ResetParts, link: Link): Promise<InspectedLink> {
  const { verdict, account } = await verifyResetLink(parts, link)
  if (verdict !== 'holds') return { state: verdict }
  const { username, email, firstName, lastName, name, locale } = account
  return {
    state: 'holds',
    account: { username, email, firstName, lastName, name, locale, signInName: signInName(account) },
    expiresAt: parts.links.expiryOf(link, 'reset'),
  }
}

/** Reads a "this wasn't me" link without using it. */
export async function inspectCancelLink(parts: ResetParts, link: Link): Promise<InspectedCancelLink> {
  const { verdict, account, purpose } = await verifyCancelLink(parts, link)
  if (verdict !== 'holds') return { state: verdict }
  return {
    state: verdict,
    locale: account.locale,
    changed: tellsOfChange(account, link, purpose),
    newLink: startsReset(parts, account, link, purpose),
  }
}

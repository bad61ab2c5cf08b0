import { signInName, type Account } from '@/lib/accounts/account'
import { alsoRequestsNewLink, isPasswordChangedSinceLink } from './cancel-reset'
import { recordOpening } from './record-opening'
import type { ResetDependencies } from './reset-dependencies'
import type { Link, LinkStatus } from './reset-link'
import { verifyCancelLink, verifyResetLink } from './verify-link'

type Dead = { state: Exclude<LinkStatus, 'valid'> }

export type InspectedLink =
  | {
      state: 'valid'
      account: Pick<Account, 'email' | 'locale'> & { signInName: string }
      expiresAt: Date
    }
  | Dead

/** `changed`: whether the link shows that the password was changed. `newLink`: whether cancelling also requests a new reset link. */
export type InspectedCancelLink =
  | { state: 'valid'; locale: string | null; changed: boolean; newLink: boolean }
  | (Dead & { changed: boolean })

/** Inspects a reset link without using it, because mail scanners open the page, too. */
export async function inspectLink(parts: ResetDependencies, link: Link): Promise<InspectedLink> {
  const { status, account, purpose = 'reset' } = await verifyResetLink(parts, link)
  if (status !== 'valid') return { state: status }
  recordOpening(parts, link)
  return {
    state: 'valid',
    account: { email: account.email, locale: account.locale, signInName: signInName(account) },
    expiresAt: parts.links.expiryOf(link, purpose),
  }
}

export async function inspectCancelLink(parts: ResetDependencies, link: Link): Promise<InspectedCancelLink> {
  const { status, account, purpose } = await verifyCancelLink(parts, link)
  if (status !== 'valid') return { state: status, changed: purpose === 'cancel-change' }
  return {
    state: status,
    locale: account.locale,
    changed: isPasswordChangedSinceLink(account, link, purpose),
    newLink: alsoRequestsNewLink(parts, account, link, purpose),
  }
}

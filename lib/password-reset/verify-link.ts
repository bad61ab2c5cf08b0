import { linkState, isResettable, type Account } from '@/lib/accounts/account'
import type { ResetDependencies } from './reset-dependencies'
import type { GenuineLink, Link, LinkPurpose, LinkStatus } from './reset-link'

export type VerifiedLink =
  { status: 'valid'; account: Account } | { status: Exclude<LinkStatus, 'valid'>; account?: never }

type Parts = Pick<ResetDependencies, 'accounts' | 'links'>

/** Verifies a reset link. Checks the outer signature first, so that a forged link costs no query. */
export async function verifyResetLink(parts: Parts, link: Link): Promise<VerifiedLink> {
  const verified = await verify(parts, parts.links.verifyAuthenticity('reset', link))
  return verified.status === 'valid' && !isResettable(verified.account)
    ? { status: 'signature-used' }
    : verified
}

/** Verifies a "this wasn't me" link. It also works for accounts that may not reset. */
export async function verifyCancelLink(
  parts: Parts,
  link: Link,
): Promise<VerifiedLink & { purpose?: LinkPurpose }> {
  const genuine = verifyCancelLinkAuthenticity(parts, link)
  return { ...(await verify(parts, genuine)), ...(genuine && { purpose: genuine.purpose }) }
}

/** @returns null for a link that Rekey did not sign */
export function verifyCancelLinkAuthenticity(
  { links }: Pick<Parts, 'links'>,
  link: Link,
): GenuineLink | null {
  return links.verifyAuthenticity('cancel', link) ?? links.verifyAuthenticity('cancel-change', link)
}

async function verify({ accounts, links }: Parts, genuine: GenuineLink | null): Promise<VerifiedLink> {
  if (genuine === null) return { status: 'signature-invalid' }
  const { account, now } = await accounts.read(genuine.user_id)
  const status = links.verifyState(genuine, account && linkState(account), now)
  if (status !== 'valid') return { status }
  return account === null ? { status: 'signature-used' } : { status, account }
}

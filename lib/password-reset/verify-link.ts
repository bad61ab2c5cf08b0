import { signedState, isResettable, type Account } from '@/lib/accounts/account'
import type { ResetDependencies } from './reset-dependencies'
import {
  purposesByKind,
  type GenuineLink,
  type Link,
  type LinkKind,
  type LinkStatus,
  type LinkPurpose,
} from './reset-link'

export type LinkVerification =
  { status: 'valid'; account: Account } | { status: Exclude<LinkStatus, 'valid'>; account?: never }

type Parts = Pick<ResetDependencies, 'accounts' | 'links'>

type Verified = LinkVerification & { purpose?: LinkPurpose }

/** Verifies a reset link, the outer MAC first, so that no account is read for a forged link. */
export async function verifyResetLink(parts: Parts, link: Link): Promise<Verified> {
  const genuine = verifyLinkAuthenticity(parts, 'reset', link)
  const verified = await verify(parts, genuine)
  if (verified.status === 'valid' && !isResettable(verified.account)) return { status: 'signature-used' }
  return { ...verified, ...(genuine && { purpose: genuine.purpose }) }
}

/** Verifies a "this wasn't me" link, which is also valid for an active account that is not resettable. */
export async function verifyCancelLink(parts: Parts, link: Link): Promise<Verified> {
  const genuine = verifyLinkAuthenticity(parts, 'cancel', link)
  return { ...(await verify(parts, genuine)), ...(genuine && { purpose: genuine.purpose }) }
}

/** Verifies the outer MAC of a link for the purposes of a page; null if none matches. The link may be expired or used. */
export function verifyLinkAuthenticity(
  { links }: Pick<Parts, 'links'>,
  kind: LinkKind,
  link: Link,
): GenuineLink | null {
  for (const purpose of purposesByKind[kind]) {
    const genuine = links.verifyAuthenticity(purpose, link)
    if (genuine !== null) return genuine
  }
  return null
}

async function verify({ accounts, links }: Parts, genuine: GenuineLink | null): Promise<LinkVerification> {
  if (genuine === null) return { status: 'signature-invalid' }
  const { account, now } = await accounts.read(genuine.user_id)
  const status = links.verifyState(genuine, account && signedState(account), now)
  if (status !== 'valid') return { status }
  return account === null ? { status: 'signature-used' } : { status, account }
}

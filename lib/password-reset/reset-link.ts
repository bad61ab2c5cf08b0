import {
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import type { SignedState } from '@/lib/accounts/account'

/** `timestamp`: whole seconds since the epoch. */
export type Link = { user_id: string; timestamp: number; signature: string }

/**
 * `cancel` is "this wasn't me" in the email with a reset link, `cancel-change` the same in the email about a changed password. `printed` is
 * a reset link that an operator printed.
 */
export type LinkPurpose = 'reset' | 'cancel' | 'cancel-change' | 'printed'

/** The page that a link opens: the reset page, or "this wasn't me". */
export type LinkKind = 'reset' | 'cancel'

export const purposesByKind: Record<LinkKind, readonly LinkPurpose[]> = {
  reset: ['reset', 'printed'],
  cancel: ['cancel', 'cancel-change'],
}

/** Seconds (requirement L9): the operator hands a printed link to the person, who should use it at once. */
const printedPeriod = 15 * 60

/** `signature-invalid`: forged, dated ahead, or of another purpose or deployment. `signature-used`: the account's state forbids it. */
export type LinkStatus = 'valid' | 'signature-invalid' | 'signature-expired' | 'signature-used'

/** A link with a valid outer MAC. It may be expired or used. */
export type GenuineLink = Link & { purpose: LinkPurpose; inner: Buffer; key: SigningKey }

/** A `KeyObject` is prepared for OpenSSL once instead of for each MAC. */
type SigningKey = { secret: KeyObject; id: string }

/** Seconds that a timestamp may be ahead of the database's clock. */
const allowedSkew = 60

const macLength = 32
const signaturePattern = /^[A-Za-z0-9_-]{86}$/

export type LinkSigner = ReturnType<typeof createLinkSigner>

/**
 * Creates the signer, which signs and verifies links. A signature is two MACs (HMAC-SHA-256), `outer ‖ inner` in base64url:
 *
 *     inner = MAC(purpose, audience, user_id, timestamp, state)
 *     outer = MAC(purpose, audience, user_id, timestamp, inner)
 *
 * Verifying the outer MAC needs no database. If only the inner MAC is invalid, the link was signed for another state.
 *
 * @param secrets the first one signs; all of them verify
 * @param audience identifies the deployment
 * @param period seconds
 * @param oneTimeUse false excludes the password from the state, so that a link survives its use
 */
export function createLinkSigner({
  secrets,
  audience,
  period: mailedPeriods,
  oneTimeUse,
}: {
  secrets: readonly [string, ...string[]]
  audience: string
  period: Record<Exclude<LinkPurpose, 'printed'>, number>
  oneTimeUse: boolean
}) {
  const period = { ...mailedPeriods, printed: printedPeriod }
  const keysOf = (purpose: LinkPurpose) => secrets.map((secret) => deriveKey(secret, purpose))
  const rings: Record<LinkPurpose, SigningKey[]> = {
    reset: keysOf('reset'),
    cancel: keysOf('cancel'),
    'cancel-change': keysOf('cancel-change'),
    printed: keysOf('printed'),
  }

  function innerOf(
    key: SigningKey,
    purpose: LinkPurpose,
    userId: string,
    timestamp: number,
    state: SignedState,
  ): Buffer {
    // A `cancel-change` link must still work if an attacker changes the password again. With `oneTimeUse`, a `cancel`
    // link does not survive a change: otherwise, an attacker who has the old email could cancel later links of the owner.
    const password = oneTimeUse && purpose !== 'cancel-change' ? (state.passwordHash ?? '') : ''
    return mac(key, [
      'inner',
      purpose,
      audience,
      userId,
      timestamp,
      password,
      state.email,
      state.isActive,
      state.linksEpoch,
    ])
  }

  function outerOf(
    key: SigningKey,
    purpose: LinkPurpose,
    userId: string,
    timestamp: number,
    inner: Buffer,
  ): Buffer {
    return mac(key, ['outer', purpose, audience, userId, timestamp, inner.toString('base64url')])
  }

  /** Signs a link, whose lifetime begins at `timestamp`. */
  function create(purpose: LinkPurpose, userId: string, timestamp: number, state: SignedState): Link {
    const key = rings[purpose][0]!
    const inner = innerOf(key, purpose, userId, timestamp, state)
    const outer = outerOf(key, purpose, userId, timestamp, inner)
    return { user_id: userId, timestamp, signature: Buffer.concat([outer, inner]).toString('base64url') }
  }

  /** Verifies the outer MAC; null if the MAC is invalid for this purpose, or the signature is not in canonical base64url. */
  function verifyAuthenticity(purpose: LinkPurpose, link: Link): GenuineLink | null {
    const bytes = Buffer.from(signaturePattern.test(link.signature) ? link.signature : '', 'base64url')
    const wellFormed = bytes.length === 2 * macLength && bytes.toString('base64url') === link.signature
    const whole = wellFormed ? bytes : Buffer.alloc(2 * macLength)
    const outer = whole.subarray(0, macLength)
    const inner = whole.subarray(macLength)
    let signer: SigningKey | null = null
    for (const key of rings[purpose]) {
      if (timingSafeEqual(outer, outerOf(key, purpose, link.user_id, link.timestamp, inner))) signer = key
    }
    return wellFormed && signer !== null ? { ...link, purpose, inner, key: signer } : null
  }

  /** Verifies the age and the inner MAC of a genuine link. `state`: null without an account. `now`: the database's clock. */
  function verifyState(link: GenuineLink, state: SignedState | null, now: Date): LinkStatus {
    const age = Math.floor(now.getTime() / 1000) - link.timestamp
    if (age < -allowedSkew) return 'signature-invalid'
    if (age > period[link.purpose]) return 'signature-expired'
    if (state === null || !state.isActive) return 'signature-used'
    const expected = innerOf(link.key, link.purpose, link.user_id, link.timestamp, state)
    return timingSafeEqual(link.inner, expected) ? 'valid' : 'signature-used'
  }

  function expiryOf(link: Pick<Link, 'timestamp'>, purpose: LinkPurpose): Date {
    return new Date((link.timestamp + period[purpose]) * 1000)
  }

  return { create, verifyAuthenticity, verifyState, expiryOf }
}

/** Derives the key of a purpose (RFC 5869), so that a MAC of one purpose is invalid for another. */
function deriveKey(secret: string, purpose: LinkPurpose): SigningKey {
  const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', `link signature v1: ${purpose}`, macLength))
  const id = createHash('sha256').update(key).digest('base64url').slice(0, 8)
  return { secret: createSecretKey(key), id }
}

/** Computes a MAC of a JSON array, which is unambiguous: ("1","23") and ("12","3") differ. */
function mac({ secret, id }: SigningKey, fields: (string | number | boolean)[]): Buffer {
  return createHmac('sha256', secret)
    .update(JSON.stringify([id, ...fields]))
    .digest()
}

/**
 * Adds a link's parameters to the query of a URL or, if it has a fragment, to the end of the fragment, as hash routers expect. The fragment
 * must satisfy `routedUrl` of lib/config/value-schemas.ts.
 */
export function buildLinkUrl(pageUrl: string, link: Link): string {
  const url = new URL(pageUrl)
  if (url.hash !== '') {
    const { user_id, timestamp, signature } = link
    return `${url.href}?${new URLSearchParams({ user_id, timestamp: String(timestamp), signature })}`
  }
  url.searchParams.set('user_id', link.user_id)
  url.searchParams.set('timestamp', String(link.timestamp))
  url.searchParams.set('signature', link.signature)
  return url.href
}

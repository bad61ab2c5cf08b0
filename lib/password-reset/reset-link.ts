import {
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import type { SignedState } from '@/lib/accounts/account'

/** The three parameters of a link. `timestamp`: whole seconds since the epoch. */
export type Link = { user_id: string; timestamp: number; signature: string }

/**
 * The purpose of a link; a link is invalid for any other purpose. `cancel` is "this wasn't me" in the email with a reset link,
 * `cancel-change` is "this wasn't me" in the email about a changed password. `printed` is a reset link that an operator
 * printed for a person who gets no email.
 */
export type LinkPurpose = 'reset' | 'cancel' | 'cancel-change' | 'printed'

/** The kind of page that a link opens: the reset page, or the page of "this wasn't me". */
export type LinkKind = 'reset' | 'cancel'

export const purposesByKind: Record<LinkKind, readonly LinkPurpose[]> = {
  reset: ['reset', 'printed'],
  cancel: ['cancel', 'cancel-change'],
}

/** Seconds that a printed link lives (requirement L9): the operator hands it to the person, who should use it at once. */
const printedPeriod = 15 * 60

/**
 * `signature-invalid`: the link is forged, damaged, of another purpose or deployment, or dated over a minute ahead. `signature-used`: it
 * is genuine, but the state that it was signed with changed, or the account is gone, inactive or, for a reset link, not resettable.
 */
export type LinkStatus = 'valid' | 'signature-invalid' | 'signature-expired' | 'signature-used'

/** A link with a valid outer MAC: this deployment signed it for this purpose, account and timestamp. It may be expired or used. */
export type GenuineLink = Link & { purpose: LinkPurpose; inner: Buffer; key: SigningKey }

/** A key with its id. As a `KeyObject`, it is prepared for OpenSSL once instead of for each MAC. */
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
 * Verifying the outer MAC needs no database, so no account is read for a forged or damaged link. If only the inner MAC is invalid,
 * the link is genuine but the state of the account changed: the link counts as used.
 *
 * @param secrets the first one signs; all of them verify
 * @param audience identifies the deployment: links of another one are invalid
 * @param period the lifetime of mailed links by purpose, in seconds; a printed link lives 15 minutes
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
  const rings = new Map<LinkPurpose, [SigningKey, ...SigningKey[]]>()

  function ringOf(purpose: LinkPurpose): [SigningKey, ...SigningKey[]] {
    let ring = rings.get(purpose)
    if (ring === undefined) {
      const [first, ...older] = secrets
      ring = [deriveKey(first, purpose), ...older.map((secret) => deriveKey(secret, purpose))]
      rings.set(purpose, ring)
    }
    return ring
  }

  function innerOf(
    key: SigningKey,
    purpose: LinkPurpose,
    userId: string,
    timestamp: number,
    state: SignedState,
  ): Buffer {
    // A `cancel-change` link is signed without the password, because it must still work if an attacker changes the password
    // again. A `cancel` link becomes invalid when the password changes: otherwise an attacker who has the old email could cancel
    // later links of the owner. Without `oneTimeUse`, a `cancel` link stays valid.
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

  /** Signs a link for this state of an account. `timestamp`: whole seconds since the epoch, from which the lifetime counts. */
  function create(purpose: LinkPurpose, userId: string, timestamp: number, state: SignedState): Link {
    const [key] = ringOf(purpose)
    const inner = innerOf(key, purpose, userId, timestamp, state)
    const outer = outerOf(key, purpose, userId, timestamp, inner)
    return { user_id: userId, timestamp, signature: Buffer.concat([outer, inner]).toString('base64url') }
  }

  /**
   * Verifies the outer MAC, which needs no database.
   *
   * @returns null if the link is forged, damaged, not in canonical base64url, or of another purpose or deployment
   */
  function verifyAuthenticity(purpose: LinkPurpose, link: Link): GenuineLink | null {
    const bytes = Buffer.from(signaturePattern.test(link.signature) ? link.signature : '', 'base64url')
    const wellFormed = bytes.length === 2 * macLength && bytes.toString('base64url') === link.signature
    const whole = wellFormed ? bytes : Buffer.alloc(2 * macLength)
    const outer = whole.subarray(0, macLength)
    const inner = whole.subarray(macLength)
    let signer: SigningKey | null = null
    for (const key of ringOf(purpose)) {
      if (timingSafeEqual(outer, outerOf(key, purpose, link.user_id, link.timestamp, inner))) signer = key
    }
    return wellFormed && signer !== null ? { ...link, purpose, inner, key: signer } : null
  }

  /**
   * Verifies the age and the inner MAC of a genuine link against the current state of its account.
   *
   * @param state null if the account does not exist
   * @param now the database's clock, read together with the state
   * @returns `signature-invalid` if the timestamp is more than a minute ahead of `now`
   */
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

/** Computes a MAC of a JSON array, which is unambiguous: ("1","23") and ("12","3") differ. The array includes the key's id. */
function mac({ secret, id }: SigningKey, fields: (string | number | boolean)[]): Buffer {
  return createHmac('sha256', secret)
    .update(JSON.stringify([id, ...fields]))
    .digest()
}

/**
 * Adds a link's parameters to the URL of a page: to its query or, if it has a fragment, to the end of the fragment, as DRR does and
 * as hash routers expect (`https://app.example.com/#/reset/?user_id=…`).
 *
 * @param pageUrl an absolute URL; its fragment, if any, must satisfy `routedUrl` of lib/config/value-schemas.ts
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

import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { LinkState } from '@/lib/accounts/link-state'

/** The three parameters that a mailed link carries, as received. */
export type Link = { user_id: string; timestamp: number; signature: string }

/**
 * What a link is good for; a link of one purpose is worthless for another. `cancel` is the "this wasn't me" of the letter
 * with a reset link, `cancel-change` that of the letter about a changed password.
 */
export type Purpose = 'reset' | 'cancel' | 'cancel-change'

export type Verdict = 'holds' | 'signature-invalid' | 'signature-expired' | 'signature-used'

/** A link whose outer part holds: we made it, for this purpose, this account and this time. */
export type GenuineLink = Link & { purpose: Purpose; inner: Buffer; key: Buffer }

/** Seconds that a timestamp may lie ahead of the database's clock. */
const allowedSkew = 60

const macLength = 32
const signatureShape = /^[A-Za-z0-9_-]{86}$/

export type Links = ReturnType<typeof createLinks>

/**
 * Makes and judges links. A signature is two MACs (HMAC-SHA-256), `outer ‖ inner` in base64url:
 *
 *     inner = MAC(purpose, audience, user_id, timestamp, state)
 *     outer = MAC(purpose, audience, user_id, timestamp, inner)
 *
 * The outer one needs no database, so forged and damaged links fail before anything is looked up. Where it holds and
 * the inner one does not, the link was ours and is spent.
 *
 * @param secrets the first signs; all verify
 * @param audience the deployment: a link of another one is foreign
 * @param period seconds that a link of each purpose lives
 * @param oneTimeUse false leaves the password out of the state, so that a link survives its use
 */
export function createLinks({
  secrets,
  audience,
  period,
  oneTimeUse,
}: {
  secrets: readonly [string, ...string[]]
  audience: string
  period: Record<Purpose, number>
  oneTimeUse: boolean
}) {
  const rings = new Map<Purpose, [Buffer, ...Buffer[]]>()

  function ringOf(purpose: Purpose): [Buffer, ...Buffer[]] {
    let ring = rings.get(purpose)
    if (ring === undefined) {
      const [first, ...older] = secrets
      ring = [deriveKey(first, purpose), ...older.map((secret) => deriveKey(secret, purpose))]
      rings.set(purpose, ring)
    }
    return ring
  }

  function innerOf(
    key: Buffer,
    purpose: Purpose,
    userId: string,
    timestamp: number,
    state: LinkState,
  ): Buffer {
    // That of the letter about a change must still work after whoever it was has changed the password once more. That of
    // the letter before it must not: whoever used that letter's link could kill the later one with it.
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

  function outerOf(key: Buffer, purpose: Purpose, userId: string, timestamp: number, inner: Buffer): Buffer {
    return mac(key, ['outer', purpose, audience, userId, timestamp, inner.toString('base64url')])
  }

  /** Makes the link of an account as it is now. `timestamp` in whole seconds since the epoch. */
  function create(purpose: Purpose, userId: string, timestamp: number, state: LinkState): Link {
    const [key] = ringOf(purpose)
    const inner = innerOf(key, purpose, userId, timestamp, state)
    const outer = outerOf(key, purpose, userId, timestamp, inner)
    return { user_id: userId, timestamp, signature: Buffer.concat([outer, inner]).toString('base64url') }
  }

  /**
   * Judges the outer part, without any look-up.
   *
   * @returns null for whatever we did not sign: forged, damaged, spelled otherwise, of another purpose or deployment
   */
  function verifyAuthenticity(purpose: Purpose, link: Link): GenuineLink | null {
    const bytes = Buffer.from(signatureShape.test(link.signature) ? link.signature : '', 'base64url')
    const wellFormed = bytes.length === 2 * macLength && bytes.toString('base64url') === link.signature
    const whole = wellFormed ? bytes : Buffer.alloc(2 * macLength)
    const outer = whole.subarray(0, macLength)
    const inner = whole.subarray(macLength)
    let signer: Buffer | null = null
    for (const key of ringOf(purpose)) {
      if (timingSafeEqual(outer, outerOf(key, purpose, link.user_id, link.timestamp, inner))) signer = key
    }
    return wellFormed && signer !== null ? { ...link, purpose, inner, key: signer } : null
  }

  /**
   * Judges a genuine link against the account as it is.
   *
   * @param state null when the account is gone
   * @param now the database's clock, read together with the state
   */
  function verifyState(link: GenuineLink, state: LinkState | null, now: Date): Verdict {
    const age = Math.floor(now.getTime() / 1000) - link.timestamp
    if (age < -allowedSkew) return 'signature-invalid'
    if (age > period[link.purpose]) return 'signature-expired'
    if (state === null || !state.isActive) return 'signature-used'
    const expected = innerOf(link.key, link.purpose, link.user_id, link.timestamp, state)
    return timingSafeEqual(link.inner, expected) ? 'holds' : 'signature-used'
  }

  /** When a link dies of age. */
  function expiryOf(link: Pick<Link, 'timestamp'>, purpose: Purpose): Date {
    return new Date((link.timestamp + period[purpose]) * 1000)
  }

  return { create, verifyAuthenticity, verifyState, expiryOf }
}

/** One key for each purpose (RFC 5869), so that no MAC made for one can serve another. */
function deriveKey(secret: string, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'rekey', `link signature v1: ${purpose}`, macLength))
}

/** A JSON array frames its fields without ambiguity: ("1","23") and ("12","3") differ. The key's id is one of them. */
function mac(key: Buffer, fields: (string | number | boolean)[]): Buffer {
  const keyId = createHash('sha256').update(key).digest('base64url').slice(0, 8)
  return createHmac('sha256', key)
    .update(JSON.stringify([keyId, ...fields]))
    .digest()
}

/**
 * The URL of a page with the link's parameters: among those of its query or, where it has a fragment, behind the fragment,
 * which is where DRR puts them and where a front end with a hash router looks (`https://app.example.com/#/reset/?user_id=…`).
 *
 * @param pageUrl an absolute URL; its fragment, if any, as `routedWebAddress` takes it
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

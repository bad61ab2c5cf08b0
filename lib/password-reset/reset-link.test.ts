import { hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { forgeries, textsOfTheSource } from '@/e2e/support/forged-links'
import type { LinkState } from '@/lib/accounts/account'
import { buildLinkUrl, createLinkSigner, type Link, type LinkPurpose } from './reset-link'

const numRuns = isLong ? 100_000 : 500
if (isLong) vi.setConfig({ testTimeout: 900_000 })

const secret = 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5'
const state: LinkState = {
  passwordHash: '$argon2id$v=19$one',
  email: 'ada@example.com',
  isActive: true,
  linksEpoch: 0,
}
const id = '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11'
const requestedAt = 1_790_000_000
const at = (seconds: number) => new Date((requestedAt + seconds) * 1000)

function make(overrides: Partial<Parameters<typeof createLinkSigner>[0]> = {}) {
  return createLinkSigner({
    secrets: [secret],
    audience: 'https://id.example.com',
    period: { reset: 3600, cancel: 3600, 'cancel-change': 86_400 },
    oneTimeUse: true,
    ...overrides,
  })
}

function statusOf(link: Link, seen: LinkState | null = state, age = 60, links = make()) {
  const genuine = links.verifyAuthenticity('reset', link)
  return genuine === null ? 'signature-invalid' : links.verifyState(genuine, seen, at(age))
}

const link = make().create('reset', id, requestedAt, state)

test('a link is valid for the account that it was made for', () => {
  expect(statusOf(link)).toBe('valid')
})

describe('the age of a link [T3]', () => {
  test('a link as old as its period is valid, and a second later it has expired', () => {
    expect(statusOf(link, state, 3600)).toBe('valid')
    expect(statusOf(link, state, 3601)).toBe('signature-expired')
  })
  test('a link from up to a minute in the future is valid, and a later one is not [T10]', () => {
    expect(statusOf(link, state, -60)).toBe('valid')
    expect(statusOf(link, state, -61)).toBe('signature-invalid')
  })
})

describe('the account state that a link is signed with [T5]', () => {
  test.each<[string, LinkState | null]>([
    ['another password', { ...state, passwordHash: '$argon2id$v=19$two' }],
    ['no password any more', { ...state, passwordHash: null }],
    ['another address', { ...state, email: 'eve@example.com' }],
    ['the same address in capitals', { ...state, email: 'Ada@example.com' }],
    ['been disabled', { ...state, isActive: false }],
    ['a higher epoch', { ...state, linksEpoch: 1 }],
    ['been deleted', null],
  ])('a link is used up if its account has %s [T5]', (_what, seen) => {
    expect(statusOf(link, seen)).toBe('signature-used')
  })
  test('a link of a disabled account is used up even if it was signed while the account was disabled [S5]', () => {
    const disabled = { ...state, isActive: false }
    expect(statusOf(make().create('reset', id, requestedAt, disabled), disabled)).toBe('signature-used')
  })
  test('where links work more than once, a link survives a new password but no higher epoch', () => {
    const links = make({ oneTimeUse: false })
    const reusable = links.create('reset', id, requestedAt, state)
    expect(statusOf(reusable, { ...state, passwordHash: 'other' }, 60, links)).toBe('valid')
    expect(statusOf(reusable, { ...state, linksEpoch: 1 }, 60, links)).toBe('signature-used')
  })
})

describe('links that Rekey did not sign [T1, T2]', () => {
  const links = make()
  test.each<[string, Partial<Link>]>([
    ['another account', { user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a12' }],
    ['the same id in capitals', { user_id: id.toUpperCase() }],
    ['another time', { timestamp: requestedAt + 1 }],
    ['an empty signature', { signature: '' }],
  ])('a link with %s is not genuine [T1, T2, T9]', (_what, change) => {
    expect(links.verifyAuthenticity('reset', { ...link, ...change })).toBeNull()
  })
  test('a link is not genuine for another purpose', () => {
    expect(links.verifyAuthenticity('cancel', link)).toBeNull()
    expect(links.verifyAuthenticity('reset', links.create('cancel', id, requestedAt, state))).toBeNull()
  })
  test('a link of an installation with another secret or audience is not genuine', () => {
    expect(make({ secrets: [`${secret}x`] }).verifyAuthenticity('reset', link)).toBeNull()
    expect(make({ audience: 'https://other.example.com' }).verifyAuthenticity('reset', link)).toBeNull()
  })
  test('a link is not genuine if a digit is moved from the timestamp to the user id', () => {
    const one = links.create('reset', '1', 23, state)
    expect(links.verifyAuthenticity('reset', { ...one, user_id: '12', timestamp: 3 })).toBeNull()
  })
  test('a link is not genuine for another account, even if that has the same password hash [C10]', () => {
    const other = { ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a99' }
    expect(links.verifyAuthenticity('reset', other)).toBeNull()
  })
  test('no word of the source and no fact of the account signs a genuine link [T1, CVE-2019-13177]', () => {
    const known = ['', ' ', state.email, state.passwordHash ?? '', id, ...textsOfTheSource()]
    known.push('link signature v1: reset')
    const some = ['rekey', 'link signature v1: ', 'rekey migrate ', 'rk-page', 'Reset your password']
    expect(known).toEqual(expect.arrayContaining(some))
    expect(known.length).toBeGreaterThan(2_000)
    const accepted = known.filter((word) =>
      forgeries(word, id, requestedAt, state).some(({ signature }) =>
        links.verifyAuthenticity('reset', { ...link, signature }),
      ),
    )
    expect(accepted).toEqual([])
    // The same forgeries with the real secret, or with the key derived from it, are accepted.
    const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', 'link signature v1: reset', 32))
    expect(links.verifyAuthenticity('reset', forgeries(secret, id, requestedAt, state)[0]!)).not.toBeNull()
    expect(links.verifyAuthenticity('reset', forgeries(key, id, requestedAt, state)[1]!)).not.toBeNull()
  })
  test('a link with a genuine outer part and a forged inner part is not genuine', () => {
    const bytes = Buffer.from(link.signature, 'base64url')
    bytes[40]! ^= 1
    expect(links.verifyAuthenticity('reset', { ...link, signature: bytes.toString('base64url') })).toBeNull()
  })
})

describe('the encoding of a signature [T8]', () => {
  const { signature } = link
  const standard = Buffer.from(signature, 'base64url').toString('base64')
  test.each([
    ['too short', signature.slice(0, -1)],
    ['too long', `${signature}A`],
    ['padded', `${signature}==`],
    ['in the standard alphabet', standard],
    [
      'in the wrong case',
      signature.replace(/[a-z]/i, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())),
    ],
    ['not ASCII', `ä${signature.slice(1)}`],
    ['broken into two lines', `${signature.slice(0, 40)}\n${signature.slice(40)}`],
    ['with a lone surrogate', `\ud800${signature.slice(1)}`],
  ])('a signature that is %s is not genuine [T8]', (_what, spelled) => {
    expect(make().verifyAuthenticity('reset', { ...link, signature: spelled })).toBeNull()
  })
  test('of all last characters, only the original one is accepted, although some bits are unused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = [...alphabet].filter(
      (last) =>
        make().verifyAuthenticity('reset', { ...link, signature: signature.slice(0, -1) + last }) !== null,
    )
    expect(accepted).toEqual([signature.at(-1)])
  })
})

test('the source compares MACs with timingSafeEqual and in no other way [T8]', () => {
  // The differences are too small to measure here.
  const source = readFileSync('lib/password-reset/reset-link.ts', 'utf8')
  const compared = [...source.matchAll(/timingSafeEqual\(([\w.]+), /g)].map(([, part]) => part)
  expect(compared).toEqual(['outer', 'link.inner'])
  expect(source).not.toMatch(
    /\.equals\(|\bcompare\(|\b(inner|outer|expected)\b[^\n]{0,40}[!=]==|[!=]== *(inner|outer|expected)\b/,
  )
})

describe('the rotation of the secret [K2]', () => {
  const next = 'Zq8Lr3Vt6Yw1Bn5Mc9Xk2Jh7Gf4Ds0Pa'
  test('an older secret verifies links and never signs them', () => {
    const rotated = make({ secrets: [next, secret] })
    expect(statusOf(link, state, 60, rotated)).toBe('valid')
    expect(make().verifyAuthenticity('reset', rotated.create('reset', id, requestedAt, state))).toBeNull()
  })
  test('instances that know both secrets accept links of both, whichever secret they sign with', () => {
    const [before, after] = [make({ secrets: [secret, next] }), make({ secrets: [next, secret] })]
    const early = after.create('reset', id, requestedAt, state)
    expect(make().verifyAuthenticity('reset', early)).toBeNull()
    for (const machine of [before, after])
      for (const made of [link, early]) expect(statusOf(made, state, 60, machine)).toBe('valid')
  })
  test('links of a secret that was removed are refused at once', () => {
    expect(statusOf(link, state, 60, make({ secrets: [next] }))).toBe('signature-invalid')
  })
})

describe('random changes of a link [T1, T2, T8, T9]', () => {
  const [here, elsewhere] = [make(), make({ audience: 'https://b.example' })]
  const purposes = ['reset', 'cancel', 'cancel-change'] as const
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 90 }),
    fc.constantFrom('', id, '0', '\0', '\ud800'),
  )
  const states = fc.record<LinkState>({
    passwordHash: fc.option(text),
    email: text,
    isActive: fc.boolean(),
    linksEpoch: fc.nat(3),
  })
  const times = fc.oneof(
    fc.integer({ min: requestedAt - 4_000, max: requestedAt + 200 }),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, -1, 0.5, NaN, Infinity, Number.MAX_SAFE_INTEGER),
  )
  const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const signatures = fc.oneof(
    text,
    fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    fc
      .array(fc.constantFrom(...base64url), { minLength: 86, maxLength: 86 })
      .map((characters) => characters.join('')),
  )

  /** The status of a link that is presented for a purpose, `age` seconds after it was requested. */
  function presented(purpose: LinkPurpose, given: Link, seen: LinkState | null, age: number, links = here) {
    const genuine = links.verifyAuthenticity(purpose, given)
    return genuine === null ? 'signature-invalid' : links.verifyState(genuine, seen, at(age))
  }

  test('no made-up link is genuine, whatever bytes it has and whatever account it is for', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...purposes),
        fc.record({ user_id: text, timestamp: times, signature: signatures }),
        states,
        fc.integer({ min: -200, max: 5_000 }),
        (purpose, made, seen, age) => {
          expect(presented(purpose, made, seen, age)).toBe('signature-invalid')
        },
      ),
      { numRuns },
    )
  })

  /** Ways to change one thing about a link, its account or its deployment. */
  const tampering = fc.oneof(
    fc.tuple(fc.nat(85), fc.constantFrom(...base64url)).map(([place, character]) => (whole: Link) => ({
      ...whole,
      signature: whole.signature.slice(0, place) + character + whole.signature.slice(place + 1),
    })),
    fc
      .tuple(fc.nat(86), fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }))
      .map(([place, more]) => (whole: Link) => ({
        ...whole,
        signature: whole.signature.slice(0, place) + more + whole.signature.slice(place),
      })),
    fc.nat(85).map((place) => (whole: Link) => ({
      ...whole,
      signature: whole.signature.slice(0, place) + whole.signature.slice(place + 1),
    })),
    text.map((userId) => (whole: Link) => ({ ...whole, user_id: userId })),
    text.map((more) => (whole: Link) => ({ ...whole, user_id: whole.user_id + more })),
    times.map((timestamp) => (whole: Link) => ({ ...whole, timestamp })),
    signatures.map((signature) => (whole: Link) => ({ ...whole, signature })),
    fc.constant((whole: Link) => ({
      ...whole,
      signature: whole.signature.slice(43) + whole.signature.slice(0, 43),
    })),
  )

  test('a genuine link with any change is invalid, and without one it is valid for its own account alone', () => {
    let valid = 0
    let refused = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...purposes),
        text,
        states,
        states,
        tampering,
        fc.integer({ min: -60, max: 3_600 }),
        (purpose, userId, own, other, tamper, age) => {
          const whole = here.create(purpose, userId, requestedAt, own)
          const changed = tamper(whole)
          const isSame = (['user_id', 'timestamp', 'signature'] as const).every((name) =>
            Object.is(changed[name], whole[name]),
          )
          if (!isSame) {
            refused += 1
            expect(presented(purpose, changed, own, age)).toBe('signature-invalid')
          }
          if (own.isActive) valid += 1
          expect(presented(purpose, whole, own, age)).toBe(own.isActive ? 'valid' : 'signature-used')
          expect(presented(purpose, whole, null, age)).toBe('signature-used')
          // A reset link is signed with all fields, a "this wasn't me" link with all but the password.
          const signedFields = [
            'email',
            'isActive',
            'linksEpoch',
            ...(purpose === 'reset' ? ['passwordHash'] : []),
          ]
          const isOther = signedFields.some(
            (name) => (own[name as keyof LinkState] ?? '') !== (other[name as keyof LinkState] ?? ''),
          )
          if (isOther) expect(presented(purpose, whole, other, age)).toBe('signature-used')
          for (const wrong of purposes.filter((one) => one !== purpose))
            expect(presented(wrong, whole, own, age)).toBe('signature-invalid')
          expect(presented(purpose, whole, own, age, elsewhere)).toBe('signature-invalid')
        },
      ),
      { numRuns },
    )
    // Each kind was tried many times.
    expect(Math.min(valid, refused)).toBeGreaterThan(numRuns / 5)
  })
})

test.each([
  ['#/reset-password/', 'https://app.example.com/#/reset-password/'],
  ['#!/reset', 'https://app.example.com/app/index.html?tenant=a#!/reset'],
])('the parameters of a link follow the route %s, where a hash router reads them [V4]', (route, page) => {
  const address = buildLinkUrl(page, {
    user_id: 'a b&c=d#e?f',
    timestamp: requestedAt,
    signature: link.signature,
  })
  expect(address.startsWith(`${page}?user_id=`)).toBe(true)
  const { hash, search, href } = new URL(address)
  expect([href, search]).toEqual([address, new URL(page).search])
  const [path, query, ...more] = hash.split('?')
  expect([path, more]).toEqual([route, []])
  expect([...new URLSearchParams(query)]).toEqual([
    ['user_id', 'a b&c=d#e?f'],
    ['timestamp', String(requestedAt)],
    ['signature', link.signature],
  ])
})

test('the parameters behind a route are those of DRR, byte by byte [V4]', () => {
  const address = buildLinkUrl('https://app.example.com/#/reset-password/', link)
  expect(address).toBe(
    `https://app.example.com/#/reset-password/?user_id=${id}&timestamp=${requestedAt}&signature=${link.signature}`,
  )
})

test('the parameters of a link are added to the query that the page has', () => {
  const url = new URL(buildLinkUrl('https://app.example.com/account?step=reset', link))
  expect(Object.fromEntries(url.searchParams)).toEqual({
    step: 'reset',
    user_id: id,
    timestamp: String(requestedAt),
    signature: link.signature,
  })
})

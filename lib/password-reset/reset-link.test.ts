import { hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { forgeries, wordsOfTheSource } from '@/e2e/support/forged-links'
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

test('a link holds for the account it was made for', () => {
  expect(statusOf(link)).toBe('valid')
})

describe('age [T3]', () => {
  test('a link as old as the period still holds, a second later it has expired', () => {
    expect(statusOf(link, state, 3600)).toBe('valid')
    expect(statusOf(link, state, 3601)).toBe('signature-expired')
  })
  test('a minute of skew is forgiven, more is a forged clock [T10]', () => {
    expect(statusOf(link, state, -60)).toBe('valid')
    expect(statusOf(link, state, -61)).toBe('signature-invalid')
  })
})

describe('a link dies with the state it was signed against [T5]', () => {
  test.each<[string, LinkState | null]>([
    ['another password', { ...state, passwordHash: '$argon2id$v=19$two' }],
    ['no password any more', { ...state, passwordHash: null }],
    ['another address', { ...state, email: 'eve@example.com' }],
    ['the same address in capitals', { ...state, email: 'Ada@example.com' }],
    ['a disabled account', { ...state, isActive: false }],
    ['a raised epoch', { ...state, linksEpoch: 1 }],
    ['a deleted account', null],
  ])('%s', (_what, seen) => {
    expect(statusOf(link, seen)).toBe('signature-used')
  })
  test('a disabled account is refused even by a link that was signed for it as disabled [S5]', () => {
    const disabled = { ...state, isActive: false }
    expect(statusOf(make().create('reset', id, requestedAt, disabled), disabled)).toBe('signature-used')
  })
  test('where links may be used again, only the password may change', () => {
    const links = make({ oneTimeUse: false })
    const reusable = links.create('reset', id, requestedAt, state)
    expect(statusOf(reusable, { ...state, passwordHash: 'other' }, 60, links)).toBe('valid')
    expect(statusOf(reusable, { ...state, linksEpoch: 1 }, 60, links)).toBe('signature-used')
  })
})

describe('what we did not sign fails before any look-up [T1, T2]', () => {
  const links = make()
  test.each<[string, Partial<Link>]>([
    ['another account', { user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a12' }],
    ['the same id in capitals (T9)', { user_id: id.toUpperCase() }],
    ['another time', { timestamp: requestedAt + 1 }],
    ['an empty signature', { signature: '' }],
  ])('%s', (_what, change) => {
    expect(links.verifyAuthenticity('reset', { ...link, ...change })).toBeNull()
  })
  test('a link of another purpose', () => {
    expect(links.verifyAuthenticity('cancel', link)).toBeNull()
    expect(links.verifyAuthenticity('reset', links.create('cancel', id, requestedAt, state))).toBeNull()
  })
  test('a link of another deployment, by secret or by audience', () => {
    expect(make({ secrets: [`${secret}x`] }).verifyAuthenticity('reset', link)).toBeNull()
    expect(make({ audience: 'https://other.example.com' }).verifyAuthenticity('reset', link)).toBeNull()
  })
  test('fields are framed: moving a digit from one to the next makes another link', () => {
    const one = links.create('reset', '1', 23, state)
    expect(links.verifyAuthenticity('reset', { ...one, user_id: '12', timestamp: 3 })).toBeNull()
  })
  test('an account with the very same password hash does not take the link [C10]', () => {
    const other = { ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a99' }
    expect(links.verifyAuthenticity('reset', other)).toBeNull()
  })
  test('nothing that anybody may know is a key: no word of the source, nothing of the account, nothing at all [T1, CVE-2019-13177]', () => {
    const known = ['', ' ', state.email, state.passwordHash ?? '', id, ...wordsOfTheSource()]
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
    // The forger knows the craft: with the secret, or the key that comes of it, every one of them would pass.
    const key = Buffer.from(hkdfSync('sha256', secret, 'rekey', 'link signature v1: reset', 32))
    expect(links.verifyAuthenticity('reset', forgeries(secret, id, requestedAt, state)[0]!)).not.toBeNull()
    expect(links.verifyAuthenticity('reset', forgeries(key, id, requestedAt, state)[1]!)).not.toBeNull()
  })
  test('the outer part alone of a genuine link, over a forged inner part, fails', () => {
    const bytes = Buffer.from(link.signature, 'base64url')
    bytes[40]! ^= 1
    expect(links.verifyAuthenticity('reset', { ...link, signature: bytes.toString('base64url') })).toBeNull()
  })
})

describe('exactly one encoding of a signature is accepted [T8]', () => {
  const { signature } = link
  const standard = Buffer.from(signature, 'base64url').toString('base64')
  test.each([
    ['short', signature.slice(0, -1)],
    ['long', `${signature}A`],
    ['padded', `${signature}==`],
    ['standard alphabet', standard],
    [
      'case flipped',
      signature.replace(/[a-z]/i, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())),
    ],
    ['non-ASCII', `ä${signature.slice(1)}`],
    ['with a line break', `${signature.slice(0, 40)}\n${signature.slice(40)}`],
    ['a lone surrogate', `\ud800${signature.slice(1)}`],
  ])('%s', (_what, spelled) => {
    expect(make().verifyAuthenticity('reset', { ...link, signature: spelled })).toBeNull()
  })
  test('the last character has unused bits, and only one spelling of them is taken', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = [...alphabet].filter(
      (last) =>
        make().verifyAuthenticity('reset', { ...link, signature: signature.slice(0, -1) + last }) !== null,
    )
    expect(accepted).toEqual([signature.at(-1)])
  })
})

test('MACs are compared in constant time, and in no other way [T8]', () => {
  // Nanoseconds cannot be measured here, so the code itself is read.
  const source = readFileSync('lib/password-reset/reset-link.ts', 'utf8')
  const compared = [...source.matchAll(/timingSafeEqual\(([\w.]+), /g)].map(([, part]) => part)
  expect(compared).toEqual(['outer', 'link.inner'])
  expect(source).not.toMatch(
    /\.equals\(|\bcompare\(|\b(inner|outer|expected)\b[^\n]{0,40}[!=]==|[!=]== *(inner|outer|expected)\b/,
  )
})

describe('rotating the secret [K2]', () => {
  const next = 'Zq8Lr3Vt6Yw1Bn5Mc9Xk2Jh7Gf4Ds0Pa'
  test('older secrets verify and never sign', () => {
    const rotated = make({ secrets: [next, secret] })
    expect(statusOf(link, state, 60, rotated)).toBe('valid')
    expect(make().verifyAuthenticity('reset', rotated.create('reset', id, requestedAt, state))).toBeNull()
  })
  test('machines that know the next secret before it signs take links of both, whichever of them swaps first', () => {
    const [told, swapped] = [make({ secrets: [secret, next] }), make({ secrets: [next, secret] })]
    const early = swapped.create('reset', id, requestedAt, state)
    expect(make().verifyAuthenticity('reset', early)).toBeNull()
    for (const machine of [told, swapped])
      for (const made of [link, early]) expect(statusOf(made, state, 60, machine)).toBe('valid')
  })
  test('a dropped secret is dead at once', () => {
    expect(statusOf(link, state, 60, make({ secrets: [next] }))).toBe('signature-invalid')
  })
})

describe('whatever is made of a link [T1, T2, T8, T9]', () => {
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

  /** What the judge says of a link that is presented for a purpose, `age` seconds after it was made. */
  function presented(purpose: LinkPurpose, given: Link, seen: LinkState | null, age: number, links = here) {
    const genuine = links.verifyAuthenticity(purpose, given)
    return genuine === null ? 'signature-invalid' : links.verifyState(genuine, seen, at(age))
  }

  test('a link that nobody signed is none, of whatever bytes it is made, for whatever account', () => {
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

  test('a link of ours that was changed in anything is none; unchanged it holds for its own account alone', () => {
    let held = 0
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
          if (own.isActive) held += 1
          expect(presented(purpose, whole, own, age)).toBe(own.isActive ? 'valid' : 'signature-used')
          expect(presented(purpose, whole, null, age)).toBe('signature-used')
          // Everything counts for a reset; for "this wasn't me" all but the password.
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
    // Both kinds were tried, and not by chance once.
    expect(Math.min(held, refused)).toBeGreaterThan(numRuns / 5)
  })
})

test.each([
  ['#/reset-password/', 'https://app.example.com/#/reset-password/'],
  ['#!/reset', 'https://app.example.com/app/index.html?tenant=a#!/reset'],
])(
  'behind a route such as %s, where a hash router looks, the link’s parameters follow [V4]',
  (route, page) => {
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
  },
)

test('behind a route stands what DRR would put there, byte by byte [V4]', () => {
  const address = buildLinkUrl('https://app.example.com/#/reset-password/', link)
  expect(address).toBe(
    `https://app.example.com/#/reset-password/?user_id=${id}&timestamp=${requestedAt}&signature=${link.signature}`,
  )
})

test('the link is added to whatever query the page has', () => {
  const url = new URL(buildLinkUrl('https://app.example.com/account?step=reset', link))
  expect(Object.fromEntries(url.searchParams)).toEqual({
    step: 'reset',
    user_id: id,
    timestamp: String(requestedAt),
    signature: link.signature,
  })
})

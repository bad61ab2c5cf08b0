import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  createExampleSigner,
  exampleId,
  exampleSecret,
  exampleState,
  requestedAt,
  secondsAfterRequest,
} from '@/e2e/support/example-links'
import type { SignedState } from '@/lib/accounts/account'
import { buildLinkUrl, type Link } from './reset-link'

function statusOf(
  link: Link,
  seen: SignedState | null = exampleState,
  age = 60,
  links = createExampleSigner(),
) {
  const genuine = links.verifyAuthenticity('reset', link)
  return genuine === null ? 'signature-invalid' : links.verifyState(genuine, seen, secondsAfterRequest(age))
}

const link = createExampleSigner().create('reset', exampleId, requestedAt, exampleState)

test('a link is valid for the account that it was made for', () => {
  expect(statusOf(link)).toBe('valid')
})

describe('the age of a link [T3]', () => {
  test('a link as old as its period is valid, and a second later it has expired', () => {
    expect(statusOf(link, exampleState, 3600)).toBe('valid')
    expect(statusOf(link, exampleState, 3601)).toBe('signature-expired')
  })
  test('a link from up to a minute in the future is valid, and a later one is not [T10]', () => {
    expect(statusOf(link, exampleState, -60)).toBe('valid')
    expect(statusOf(link, exampleState, -61)).toBe('signature-invalid')
  })
})

describe('the account state that a link is signed with [T5]', () => {
  test.each<[string, SignedState | null]>([
    ['another password', { ...exampleState, passwordHash: '$argon2id$v=19$two' }],
    ['no password any more', { ...exampleState, passwordHash: null }],
    ['another address', { ...exampleState, email: 'eve@example.com' }],
    ['the same address in capitals', { ...exampleState, email: 'Ada@example.com' }],
    ['been disabled', { ...exampleState, isActive: false }],
    ['a higher epoch', { ...exampleState, linksEpoch: 1 }],
    ['been deleted', null],
  ])('a link is used up if its account has %s [T5]', (_what, seen) => {
    expect(statusOf(link, seen)).toBe('signature-used')
  })
  test('a link of a disabled account is used up even if it was signed while the account was disabled [S5]', () => {
    const disabled = { ...exampleState, isActive: false }
    expect(statusOf(createExampleSigner().create('reset', exampleId, requestedAt, disabled), disabled)).toBe(
      'signature-used',
    )
  })
  test('of the links of "this wasn’t me", only that of the email about the change survives a new password', () => {
    const links = createExampleSigner()
    const statuses = (['cancel', 'cancel-change'] as const).map((purpose) => {
      const genuine = links.verifyAuthenticity(
        purpose,
        links.create(purpose, exampleId, requestedAt, exampleState),
      )!
      return links.verifyState(genuine, { ...exampleState, passwordHash: 'new' }, secondsAfterRequest(60))
    })
    expect(statuses).toEqual(['signature-used', 'valid'])
  })
  test('where links work more than once, a link survives a new password but no higher epoch', () => {
    const links = createExampleSigner({ oneTimeUse: false })
    const reusable = links.create('reset', exampleId, requestedAt, exampleState)
    expect(statusOf(reusable, { ...exampleState, passwordHash: 'other' }, 60, links)).toBe('valid')
    expect(statusOf(reusable, { ...exampleState, linksEpoch: 1 }, 60, links)).toBe('signature-used')
  })
})

describe('links that Rekey did not sign [T1, T2]', () => {
  const links = createExampleSigner()
  test.each<[string, Partial<Link>]>([
    ['another account', { user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a12' }],
    ['the same id in capitals', { user_id: exampleId.toUpperCase() }],
    ['another time', { timestamp: requestedAt + 1 }],
    ['an empty signature', { signature: '' }],
  ])('a link with %s is not genuine [T1, T2, T9]', (_what, change) => {
    expect(links.verifyAuthenticity('reset', { ...link, ...change })).toBeNull()
  })
  test('a link is not genuine for another purpose', () => {
    expect(links.verifyAuthenticity('cancel', link)).toBeNull()
    expect(
      links.verifyAuthenticity('reset', links.create('cancel', exampleId, requestedAt, exampleState)),
    ).toBeNull()
  })
  test('a link of an installation with another secret or audience is not genuine', () => {
    expect(
      createExampleSigner({ secrets: [`${exampleSecret}x`] }).verifyAuthenticity('reset', link),
    ).toBeNull()
    expect(
      createExampleSigner({ audience: 'https://other.example.com' }).verifyAuthenticity('reset', link),
    ).toBeNull()
  })
  test('a link is not genuine if a digit is moved from the timestamp to the user id', () => {
    const one = links.create('reset', '1', 23, exampleState)
    expect(links.verifyAuthenticity('reset', { ...one, user_id: '12', timestamp: 3 })).toBeNull()
  })
  test('a link is not genuine for another account, even if that has the same password hash [C10]', () => {
    const other = { ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a99' }
    expect(links.verifyAuthenticity('reset', other)).toBeNull()
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
    expect(createExampleSigner().verifyAuthenticity('reset', { ...link, signature: spelled })).toBeNull()
  })
  test('of all last characters, only the original one is accepted, although some bits are unused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = [...alphabet].filter(
      (last) =>
        createExampleSigner().verifyAuthenticity('reset', {
          ...link,
          signature: signature.slice(0, -1) + last,
        }) !== null,
    )
    expect(accepted).toEqual([signature.at(-1)])
  })
})

test('the source compares MACs with timingSafeEqual and in no other way [T8]', () => {
  // Timing differences are too small to measure here.
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
    const rotated = createExampleSigner({ secrets: [next, exampleSecret] })
    expect(statusOf(link, exampleState, 60, rotated)).toBe('valid')
    expect(
      createExampleSigner().verifyAuthenticity(
        'reset',
        rotated.create('reset', exampleId, requestedAt, exampleState),
      ),
    ).toBeNull()
  })
  test('instances that know both secrets accept links of both, whichever secret they sign with', () => {
    const [before, after] = [
      createExampleSigner({ secrets: [exampleSecret, next] }),
      createExampleSigner({ secrets: [next, exampleSecret] }),
    ]
    const early = after.create('reset', exampleId, requestedAt, exampleState)
    expect(createExampleSigner().verifyAuthenticity('reset', early)).toBeNull()
    for (const machine of [before, after])
      for (const made of [link, early]) expect(statusOf(made, exampleState, 60, machine)).toBe('valid')
  })
  test('links of a secret that was removed are refused at once', () => {
    expect(statusOf(link, exampleState, 60, createExampleSigner({ secrets: [next] }))).toBe(
      'signature-invalid',
    )
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
    `https://app.example.com/#/reset-password/?user_id=${exampleId}&timestamp=${requestedAt}&signature=${link.signature}`,
  )
})

test('the parameters of a link are added to the query that the page has', () => {
  const url = new URL(buildLinkUrl('https://app.example.com/account?step=reset', link))
  expect(Object.fromEntries(url.searchParams)).toEqual({
    step: 'reset',
    user_id: exampleId,
    timestamp: String(requestedAt),
    signature: link.signature,
  })
})

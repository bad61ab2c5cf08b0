import { hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  createExampleSigner,
  exampleId,
  exampleSecret,
  exampleState,
  requestedAt,
  secondsAfterRequest,
} from '@/e2e/support/example-links'
import { forgeries, textsOfTheSource } from '@/e2e/support/forged-links'
import { isLong } from '@/e2e/support/long-form'
import type { SignedState } from '@/lib/accounts/account'
import type { Link, LinkPurpose } from './reset-link'

const numRuns = isLong ? 100_000 : 500
if (isLong) vi.setConfig({ testTimeout: 900_000 })

const links = createExampleSigner()
const link = links.create('reset', exampleId, requestedAt, exampleState)

test('no word of the source and no fact of the account signs a genuine link [T1, CVE-2019-13177]', () => {
  const known = [
    '',
    ' ',
    exampleState.email,
    exampleState.passwordHash ?? '',
    exampleId,
    ...textsOfTheSource(),
  ]
  known.push('link signature v1: reset')
  const some = ['rekey', 'link signature v1: ', 'rekey migrate ', 'rk-page', 'Reset your password']
  expect(known).toEqual(expect.arrayContaining(some))
  expect(known.length).toBeGreaterThan(2_000)
  const accepted = known.filter((word) =>
    forgeries(word, exampleId, requestedAt, exampleState).some(({ signature }) =>
      links.verifyAuthenticity('reset', { ...link, signature }),
    ),
  )
  expect(accepted).toEqual([])
  // The same forgeries with the real secret, or with the key derived from it, are accepted.
  const key = Buffer.from(hkdfSync('sha256', exampleSecret, 'rekey', 'link signature v1: reset', 32))
  expect(
    links.verifyAuthenticity('reset', forgeries(exampleSecret, exampleId, requestedAt, exampleState)[0]!),
  ).not.toBeNull()
  expect(
    links.verifyAuthenticity('reset', forgeries(key, exampleId, requestedAt, exampleState)[1]!),
  ).not.toBeNull()
})

describe('random changes of a link [T1, T2, T8, T9]', () => {
  const [here, elsewhere] = [createExampleSigner(), createExampleSigner({ audience: 'https://b.example' })]
  const purposes = ['reset', 'cancel', 'cancel-change'] as const
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 90 }),
    fc.constantFrom('', exampleId, '0', '\0', '\ud800'),
  )
  const states = fc.record<SignedState>({
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

  function presented(purpose: LinkPurpose, given: Link, seen: SignedState | null, age: number, links = here) {
    const genuine = links.verifyAuthenticity(purpose, given)
    return genuine === null ? 'signature-invalid' : links.verifyState(genuine, seen, secondsAfterRequest(age))
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
            (name) => (own[name as keyof SignedState] ?? '') !== (other[name as keyof SignedState] ?? ''),
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

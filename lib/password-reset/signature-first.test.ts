import { expect, test } from 'vitest'
import { createExampleSigner, exampleId, exampleState, requestedAt } from '@/e2e/support/example-links'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import type { CompleteResetInput } from './complete-reset'
import { createPasswordReset } from './password-reset'
import type { ResetDependencies } from './reset-dependencies'
import type { LinkPurpose } from './reset-link'

// Only the signature can be verified here. Each other part records that it was used, and throws.

const links = createExampleSigner()
const signatureFor = (purpose: LinkPurpose) =>
  links.create(purpose, exampleId, requestedAt, exampleState).signature

function openWithoutParts() {
  const reached: string[] = []
  const outOfReach = (part: string) =>
    new Proxy(
      {},
      {
        get(_, name) {
          reached.push(`${part}.${String(name)}`)
          throw new Error(`${part} is out of reach`)
        },
      },
    )
  const hash = createHashQueue()
  const parts = {
    ...Object.fromEntries(
      ['accounts', 'policy', 'queue', 'audit', 'database', 'configuration'].map((part) => [
        part,
        outOfReach(part),
      ]),
    ),
    links,
    hash,
    isBreached: async () => reached.push('isBreached') > 0,
    limits: { countReset: async () => ({ ok: true }), isFirstInWindow: async () => false },
    settings: { reset: { passwordConfirm: false, oneTimeUse: true, failWhenUserNotFound: false } },
  } as unknown as ResetDependencies
  return { flow: createPasswordReset(parts), hash, reached }
}

const input = (signature: string, password: string): CompleteResetInput => ({
  link: { user_id: exampleId, timestamp: requestedAt, signature },
  password,
  passwordConfirm: undefined,
  locale: 'en',
  requestId: 'r',
  request: { client: '203.0.113.9', headers: new Headers(), fields: {} },
})

test('three hundred forged links use neither accounts nor policy nor any other part, and cost no hash [T11]', async () => {
  const { flow, hash, reached } = openWithoutParts()
  const signature = signatureFor('reset')
  const ofOtherPurposes = [signatureFor('cancel'), signatureFor('cancel-change')]
  const bad = ['', 'x', 'A'.repeat(86), signature.slice(0, -1), ...ofOtherPurposes]
  const passwords = ['ada@example.com', 'short', 'gravel orbit lantern', 'x'.repeat(10_000)]
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const forged = input(bad[attempt % bad.length]!, passwords[attempt % passwords.length]!)
    expect(await flow.completeReset(forged)).toEqual({ ok: false, code: 'signature-invalid' })
  }
  expect([reached, hash.hashed]).toEqual([[], 0])

  // A genuine signature uses the next part.
  await expect(flow.completeReset(input(signature, 'gravel orbit lantern'))).rejects.toThrow('out of reach')
  expect(reached).toEqual(['accounts.read'])
})

test('the inspection of a forged link uses no part [T11]', async () => {
  const { flow, reached } = openWithoutParts()
  const { link } = input('A'.repeat(86), '')
  expect(await flow.inspectLink(link)).toEqual({ state: 'signature-invalid' })
  expect(await flow.inspectCancelLink(link)).toEqual({ state: 'signature-invalid', changed: false })
  expect(reached).toEqual([])
})

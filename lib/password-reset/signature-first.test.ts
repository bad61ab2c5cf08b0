import { expect, test } from 'vitest'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import type { CompleteResetInput } from './complete-reset'
import { createPasswordReset } from './password-reset'
import type { ResetDependencies } from './reset-dependencies'
import { createLinkSigner, type LinkPurpose } from './reset-link'

// Only the signature can be verified here. Each other part records that it was used, and throws.

const userId = '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11'
const state = { passwordHash: '$argon2id$one', email: 'ada@example.com', isActive: true, linksEpoch: 0 }
const links = createLinkSigner({
  secrets: ['w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5'],
  audience: 'https://id.example.com',
  period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
  oneTimeUse: true,
})

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
  link: { user_id: userId, timestamp: 1_790_000_000, signature },
  password,
  passwordConfirm: undefined,
  locale: 'en',
  requestId: 'r',
  request: { client: '203.0.113.9', headers: new Headers(), fields: {} },
})

test('three hundred forged links use neither accounts nor policy nor any other part, and cost no hash [T11]', async () => {
  const { flow, hash, reached } = openWithoutParts()
  const { signature } = links.create('reset', userId, 1_790_000_000, state)
  const another = (purpose: LinkPurpose) => links.create(purpose, userId, 1_790_000_000, state).signature
  const bad = ['', 'x', 'A'.repeat(86), signature.slice(0, -1), another('cancel'), another('cancel-change')]
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
  expect(await flow.inspectCancelLink(link)).toEqual({ state: 'signature-invalid' })
  expect(reached).toEqual([])
})

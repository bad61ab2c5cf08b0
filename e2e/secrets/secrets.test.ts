import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'

const newSecret = () => randomBytes(32).toString('base64url')

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

/** Another instance of the same deployment with secrets of its own. */
const instance = (env: Record<string, string>) =>
  startApp({ env: { PUBLIC_URL: app.url, ...env }, database: app.database, sink: app.sink })

test('a live link survives the change of the secret while the old one is a fallback, on instances of either kind [K2]', async () => {
  const [before, after] = [await app.addPerson(), await app.addPerson()]
  const oldLink = await app.linkFor(before)
  const secret = newSecret()
  const rotated = await instance({ SECRET_KEY: secret, SECRET_KEY_FALLBACKS: app.secret })
  const midway = await instance({ SECRET_KEY: app.secret, SECRET_KEY_FALLBACKS: secret })
  try {
    expect((await rotated.post('reset-password', { ...oldLink, password: newPassword() })).status).toBe(200)
    // Either worker may have signed this one; every instance that knows both secrets takes it.
    const newLink = await rotated.linkFor(after)
    expect((await midway.post('reset-password', { ...newLink, password: newPassword() })).status).toBe(200)
  } finally {
    await rotated.stop()
    await midway.stop()
  }
})

test('a secret that is dropped kills its links at once; neither of two secrets takes the other’s links [K2, T1]', async () => {
  const person = await app.addPerson()
  const link = await app.linkFor(person)
  const other = await instance({ SECRET_KEY: newSecret(), WORKER: 'off' })
  const theirs = await signedLinks({ ...app, secret: other.secret }).linkOf(person)
  try {
    for (const [of, foreign] of [
      [other, link],
      [app, theirs],
    ] as const) {
      const response = await of.post('reset-password', { ...foreign, password: newPassword() })
      expect([response.status, response.json]).toEqual([
        400,
        { detail: 'Invalid signature', code: 'signature-invalid' },
      ])
    }
    // Theirs is a good link where it comes from: only its policy is asked.
    const weak = await other.post('reset-password', { ...theirs, password: 'short' })
    expect(Object.keys(weak.json as object)).toEqual(['password'])
  } finally {
    await other.stop()
  }
  expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
})

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

const instance = (env: Record<string, string>) =>
  startApp({ env: { PUBLIC_URL: app.url, ...env }, database: app.database, sink: app.sink })

test('links of the old and the new secret work on all instances while both know both secrets [K2]', async () => {
  const [before, after] = [await app.addPerson(), await app.addPerson()]
  const oldLink = await app.linkFor(before)
  const secret = newSecret()
  const rotated = await instance({ SECRET_KEY: secret, SECRET_KEY_FALLBACKS: app.secret })
  const midway = await instance({ SECRET_KEY: app.secret, SECRET_KEY_FALLBACKS: secret })
  try {
    expect((await rotated.post('reset-password', { ...oldLink, password: newPassword() })).status).toBe(200)
    // The worker of either instance may have signed this link; both accept it.
    const newLink = await rotated.linkFor(after)
    expect((await midway.post('reset-password', { ...newLink, password: newPassword() })).status).toBe(200)
  } finally {
    await rotated.stop()
    await midway.stop()
  }
})

test('an instance rejects links of a secret that it does not know [K2, T1]', async () => {
  const person = await app.addPerson()
  const link = await app.linkFor(person)
  const other = await instance({ SECRET_KEY: newSecret(), WORKER: 'off' })
  const linkOfOther = await signedLinks({ ...app, secret: other.secret }).linkOf(person)
  try {
    for (const [instance, foreign] of [
      [other, link],
      [app, linkOfOther],
    ] as const) {
      const response = await instance.post('reset-password', { ...foreign, password: newPassword() })
      expect([response.status, response.json]).toEqual([
        400,
        { detail: 'Invalid signature', code: 'signature-invalid' },
      ])
    }
    // The other instance accepts its own link, and rejects only the short password.
    const weak = await other.post('reset-password', { ...linkOfOther, password: 'short' })
    expect(Object.keys(weak.json as object)).toEqual(['password'])
  } finally {
    await other.stop()
  }
  expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
})

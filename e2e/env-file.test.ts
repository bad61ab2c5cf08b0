import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { linkedDirectory } from './world/linked-directory'
import { newPassword, startApp, type RunningApp } from './world/running-app'

// The app where it finds settings in files.

const directory = linkedDirectory(/^\.env/)
const secret = 'kT9$PATH_vLm4Wq2$HOME_Zx7Rb5Ns8Jc3Fg6'

let app: RunningApp
beforeAll(async () => {
  writeFileSync(path.join(directory, '.env'), `SECRET_KEY='${secret}'\nAPP_NAME='Money $PATH'\n`)
  for (const name of ['.env.production', '.env.local', '.env.production.local'])
    writeFileSync(
      path.join(directory, name),
      'RESET_PASSWORD_VERIFICATION_ENABLED=false\nSUPPORT_EMAIL=other@example.com\n',
    )
  app = await startApp({ cwd: directory, env: { SECRET_KEY: undefined } })
})
afterAll(async () => {
  await app?.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('K1: handlers and worker run on one secret from .env, dollar signs and all, and on no other file', async () => {
  const person = await app.addPerson()
  const link = await app.linkFor(person)
  const password = newPassword()
  expect((await app.post('reset-password', { ...link, password })).json).toEqual({
    detail: 'Reset password successful',
  })
  expect(await app.passwordIs(person, password)).toBe(true)

  const page = await (await fetch(`${app.url}/forgot-password/`)).text()
  expect(page).toContain('Money $PATH')
  expect(page).not.toContain('other@example.com')
})

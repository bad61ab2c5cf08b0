import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linkedDirectory } from '@/e2e/support/linked-directory'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'

const directory = linkedDirectory(/^\.env/)
const secret = 'kT9$PATH_vLm4Wq2$HOME_Zx7Rb5Ns8Jc3Fg6'

let app: RunningApp
beforeAll(async () => {
  // As an editor on Windows saves it: with a byte order mark and CRLF.
  writeFileSync(
    path.join(directory, '.env'),
    `\ufeffSECRET_KEY='${secret}'\r\nAPP_NAME='Money $PATH'\r\nBRAND_COLOR="#7a1fa2" # violet\r\nPORT=1\r\n`,
  )
  for (const name of ['.env.production', '.env.local', '.env.production.local'])
    writeFileSync(
      path.join(directory, name),
      'RESET_PASSWORD_VERIFICATION_ENABLED=false\nSUPPORT_EMAIL=other@example.com\n',
    )
  app = await startApp({ cwd: directory, env: { SECRET_KEY: undefined, PASSWORD_MINLENGTH: '8' } })
})
afterAll(async () => {
  await app?.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('web process and worker read settings from .env, dollar signs included, and from no other file [K1, V5]', async () => {
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

test('the environment overrides .env, and the start names the overridden setting without its values [V5]', () => {
  expect(app.output()).toContain('PORT: the value of the environment is used, not the one of .env.\n')
  expect(app.output()).not.toContain(secret)
})

test('the start warns of an unknown setting and suggests the nearest name [V5]', () => {
  const warnings = app.output().match(/"event":"settings_warning".*/g) ?? []
  expect(warnings.filter((line) => line.includes('did you mean PASSWORD_MIN_LENGTH?'))).toHaveLength(1)
})

describe('an invalid .env', () => {
  const other = linkedDirectory(/^\.env/)
  afterAll(() => rmSync(other, { recursive: true, force: true }))
  const file = path.join(other, '.env')

  function run(command: string) {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/run.js', command], {
      cwd: other,
      env: { PATH: process.env.PATH } as unknown as NodeJS.ProcessEnv,
      encoding: 'utf8',
    })
    return { status, output: stdout + stderr }
  }

  test.each<[string, string[], () => void, string]>([
    [
      'npm start, worker, migrate, accounts and demo reject a .env with an unquoted # in a value',
      ['start', 'worker', 'migrate', 'accounts', 'demo'],
      () => writeFileSync(file, 'PORT=1\nDATABASE_URL=postgresql://rekey:zq#canary@h/db\n'),
      '  - DATABASE_URL: line 2 of .env has a # that would cut the value; ',
    ],
    [
      'npm start rejects a .env that is a directory',
      ['start'],
      () => mkdirSync(file),
      '  - .env: cannot be read (EISDIR); ',
    ],
  ])('%s [V5]', (_what, commands, write, sentence) => {
    rmSync(file, { recursive: true, force: true })
    write()
    for (const command of commands) {
      const { status, output } = run(command)
      expect([command, status]).toEqual([command, 1])
      expect(output).toContain(`Rekey cannot start: its settings need attention.\n${sentence}`)
      expect(output).not.toMatch(/zq|canary|\n\s+at /)
    }
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCommand } from '@/e2e/support/run-command'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'

// The demo with DATABASE_URL, which may name the database of a real installation.

let database: TestDatabase
let app: RunningApp | undefined
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(async () => {
  await app?.stop()
  await database.drop()
})

test('the demo does not migrate the database in DATABASE_URL [K1]', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-elsewhere-'))
  const env = { DATABASE_URL: database.url, DATA_DIR: dataDir }
  const { code, errors } = await runCommand(['demo'], env)
  rmSync(dataDir, { recursive: true })
  expect(code).toBe(1)
  expect(errors).toMatch(/^The database lacks .* run `npm run migrate`\.\n$/)

  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  const { rows } = await sql.query(`SELECT to_regclass('rekey.users') AS "users"`)
  expect(rows).toEqual([{ users: null }])
  await sql.end()
})

test('the demo sends no emails of the database in DATABASE_URL without a mail server or WORKER=on [K1]', async () => {
  app = await startApp({ command: 'demo', env: { SMTP_URL: '' }, database })
  const person = await app.addPerson()
  expect((await app.post('send-reset-password-link', { login: person.username })).status).toBe(200)
  // This line comes after the start, and a worker adds its row to `instance` when it starts.
  await expect.poll(app.output).toContain('No email is sent from here: WORKER=on starts a worker')
  expect((await app.sql.query('SELECT FROM rekey_queue.instance')).rowCount).toBe(0)
  const { rows } = await app.sql.query(`SELECT "state" FROM rekey_queue.job WHERE "name" = 'link-request'`)
  expect(rows).toEqual([{ state: 'created' }])
  // The mailbox and the demo's people do not exist here.
  expect(app.output()).not.toMatch(/mailbox|demo/)
})

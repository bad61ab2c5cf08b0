import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

let database: TestDatabase
let proxy: DatabaseProxy
let app: RunningApp
beforeAll(async () => {
  database = await createMigratedDatabase()
  proxy = await startDatabaseProxy(database)
  app = await startApp({ database: proxy.database })
})
afterAll(async () => {
  await proxy?.restore()
  await app?.stop()
  await proxy?.close()
  await database?.drop()
})

const starts = () => app.output().match(/"event":"(?:worker_started|sys_startup)"/g)?.length

test('web process and worker replace database connections that no longer respond, and the next email is sent [F7]', async () => {
  const before = starts()
  const person = await app.addPerson()
  proxy.silence()
  await expect
    .poll(async () => (await app.post('send-reset-password-link', { login: person.username })).status, {
      timeout: 60_000,
    })
    .toBe(200)
  await app.sink.next(person.email, 90_000)
  expect(starts()).toBe(before)
}, 180_000)

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '@/lib/setup/migrate'
import { notificationsArrive } from '@/lib/queue/notifications'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { exerciseWholeFlow, openInstallation, expectPurgeOnTime } from '@/e2e/support/installation'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'
import { resettableAccount } from '@/e2e/support/opened-services'

describe.runIf(testServer && pgbouncer)('PgBouncer in transaction mode [V1]', () => {
  let database: TestDatabase
  let pooler: Awaited<ReturnType<typeof startPgBouncer>>
  let url: string
  beforeAll(async () => {
    database = await createTestDatabase()
    pooler = await startPgBouncer(testServer!)
    url = pooler.url(new URL(database.url).pathname.slice(1))
  }, 120_000)
  afterAll(async () => {
    await pooler?.stop()
    await database?.drop()
  })

  test('migrations, resets, expiry, history and purge work through PgBouncer', async () => {
    expect(await migrate({ ...database, url })).not.toEqual([])
    expect(await migrate({ ...database, url })).toEqual([])
    const installation = await openInstallation({ ...database, url })
    try {
      await exerciseWholeFlow(installation)
      await expectPurgeOnTime(installation, installation.services.database.pool)
    } finally {
      await installation.close()
    }
  })

  test('the probe finds that notifications do not arrive through PgBouncer, and arrive without it', async () => {
    expect(await notificationsArrive(url)).toBe(false)
    expect(await notificationsArrive(database.url)).toBe(true)
  })

  test('an email is sent within a few seconds of its request through PgBouncer', async () => {
    const installation = await openInstallation({ ...database, url })
    try {
      const name = `user-${randomBytes(6).toString('hex')}`
      const email = `${name}@example.com`
      const { ownAccounts, passwordReset } = installation.services
      await ownAccounts.add(resettableAccount(name))
      const client = '203.0.113.77'
      await passwordReset.requestLink({ target: { login: name }, locale: 'en', requestId: 'r', client })
      // Two polls of two seconds: for the request and for the email.
      await installation.sink.next(email, 8_000)
    } finally {
      await installation.close()
    }
  })
})

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '@/lib/setup/migrate'
import { notificationsArrive } from '@/lib/queue/notifications'
import { createTestDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { liveThroughADay, openInstallation, purgeOnTime } from '@/e2e/support/installation'
import { pgbouncer, startPgBouncer } from '@/e2e/support/pgbouncer'

describe.runIf(testServer && pgbouncer)('through PgBouncer in transaction mode [V1]', () => {
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

  test('a database is migrated, and a whole reset, its expiry, history and purge are right', async () => {
    expect(await migrate({ ...database, url })).not.toEqual([])
    expect(await migrate({ ...database, url })).toEqual([])
    const installation = await openInstallation({ ...database, url })
    try {
      await liveThroughADay(installation)
      await purgeOnTime(installation, installation.services.database.pool)
    } finally {
      await installation.close()
    }
  })

  test('a worker finds that no notification reaches it and looks every two seconds; a direct one hears them', async () => {
    expect(await notificationsArrive(url)).toBe(false)
    expect(await notificationsArrive(database.url)).toBe(true)
  })

  test('emails leave within a few seconds of their requests', async () => {
    const installation = await openInstallation({ ...database, url })
    try {
      const name = `user-${randomBytes(6).toString('hex')}`
      const email = `${name}@example.com`
      const { ownAccounts, passwordReset } = installation.services
      await ownAccounts.add({
        username: name,
        email,
        firstName: '',
        lastName: '',
        passwordHash: 'a forgotten one',
        isActive: true,
        locale: null,
      })
      const client = '203.0.113.77'
      await passwordReset.requestLink({ target: { login: name }, locale: 'en', requestId: 'r', client })
      // Two looks of two seconds: one for the request, one for the email. Without the probe it is up to thirty seconds.
      await installation.sink.next(email, 8_000)
    } finally {
      await installation.close()
    }
  })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { probeNotifications } from './notifications'

let database: TestDatabase
beforeAll(async () => void (database = await createTestDatabase()))
afterAll(() => database.drop())

test('a worker that hears no notifications looks for jobs by itself, twice a second where all share one session', async () => {
  const heard = database.kind === 'server'
  expect(await probeNotifications({ ...database, sharedSession: false })).toEqual({
    notificationsArrive: heard,
    pollingSeconds: 2,
  })
  expect(await probeNotifications({ url: 'postgresql://127.0.0.1:1/x', sharedSession: true })).toEqual({
    notificationsArrive: false,
    pollingSeconds: 0.5,
  })
})

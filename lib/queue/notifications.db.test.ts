import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { notificationsArrive } from './notifications'

let database: TestDatabase
beforeAll(async () => void (database = await createTestDatabase()))
afterAll(() => database.drop())

test('they reach a worker on a server, and on the embedded database, whose clients share one session', async () => {
  expect(await notificationsArrive(database.url)).toBe(true)
})

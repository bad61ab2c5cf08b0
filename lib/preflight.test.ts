import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/world/test-database'
import { migrate } from './migrate'
import { checkDatabase, encryptionWarnings } from './preflight'
import { readSettings } from './settings'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

test('a start that may open more connections than the server takes is warned of, with both numbers', async () => {
  await migrate(database)
  const check = (more: Record<string, string>) =>
    checkDatabase(
      readSettings({
        SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
        DATABASE_URL: database.url,
        REKEY_MODE: 'demo',
        ...more,
      }),
    )
  expect(await check({ WEB_CONCURRENCY: '2' })).toEqual([])
  expect(await check({ WEB_CONCURRENCY: '128', DATABASE_POOL_SIZE: '500' })).toEqual([
    expect.stringMatching(/^This start may open 64633 connections and the database takes \d+: /),
  ])
})

describe('K5: the way to a database on another machine', () => {
  const told = (url: string) => encryptionWarnings(`postgresql://${url}`).join('\n')

  test.each([
    'a:b@db.example.com/rekey',
    'a:b@db.example.com/rekey?sslmode=disable',
    'a:b@db.example.com/rekey?ssl=true&sslmode=disable',
    'a:b@db.example.com/rekey?ssl=0',
    'a:b@127.0.0.1/rekey?host=db.example.com',
    'a:b@127.example.com/rekey',
    'a:b@0.0.0.0/rekey',
  ])('is warned of without TLS: %s', (url) => {
    expect(told(url)).toMatch(
      /^The database at \S+ is reached without TLS: .* Add sslmode=verify-full to its URL\.$/,
    )
    expect(told(url)).not.toContain('a:b')
  })

  test.each([
    'a:b@db.example.com/rekey?sslmode=no-verify',
    'a:b@db.example.com/rekey?ssl=no-verify',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=prefer',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=require',
  ])('is warned of without a certificate that is checked: %s', (url) => {
    expect(told(url)).toMatch(
      /^The database at db\.example\.com\/rekey is reached without a check of its certificate: /,
    )
  })

  test.each([
    'a:b@db.example.com/rekey?sslmode=verify-full',
    'a:b@db.example.com/rekey?sslmode=require',
    'a:b@db.example.com/rekey?ssl=true',
    'a:b@db.example.com/rekey?uselibpqcompat=true&sslmode=verify-full',
    'a:b@localhost/rekey',
    'a:b@LOCALHOST/rekey',
    'a:b@127.0.0.1/rekey',
    'a:b@[::1]/rekey',
    'a:b@/rekey',
    'a:b@%2Fvar%2Frun%2Fpostgresql/rekey',
    'a:b@db.example.com/rekey?host=/var/run/postgresql',
  ])('is not warned of: %s', (url) => {
    expect(told(url)).toBe('')
  })
})

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { mappingOfDemoProduct } from '@/lib/accounts/presets/demo-product'
import { readSettings } from '@/lib/config/settings'
import { migrate } from '@/lib/setup/migrate'
import { checkUsers } from './check-users'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await migrate(database, { ownsUsers: false })
}, 120_000)
afterAll(() => database.drop())

const settings = () =>
  readSettings({
    SECRET_KEY: 'Vb2kQ9xT7mL4cR8wZ1pN6sJ3hF5gD0yA',
    DATABASE_URL: database.url,
    PUBLIC_URL: 'https://id.example.com',
    SMTP_URL: 'smtp://mail.example.com',
    VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
  })

test('a mapping to a missing table or a missing column is a trouble [W1]', async () => {
  const mapping = mappingOfDemoProduct('django')
  const missing = await checkUsers(settings(), mapping)
  expect(missing.map(({ status }) => status)).toContain('trouble')
  expect(missing[0]!.message).toContain('auth_user')
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  await sql.query('CREATE TABLE auth_user (id serial PRIMARY KEY, username text)')
  const broken = await checkUsers(settings(), mapping)
  await sql.end()
  expect(broken.map(({ message }) => message).join('\n')).toContain('password')
  expect((await checkUsers(settings(), undefined)).map(({ status }) => status)).toEqual(['ok'])
})

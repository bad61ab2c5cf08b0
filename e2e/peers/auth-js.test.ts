import { expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import type { Accounts } from './accounts'
import { authJsAccounts } from './accounts-by-preset'
import { inSurroundings, type Surrounding } from './in-surroundings'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

inSurroundings('authJs', (given, isFirst) => {
  test('Auth.js with bcryptjs accepts only the new password, and its sessions, which are JWTs, stay valid [W2, W3, W4]', () =>
    expectReset(given(), given().accounts))

  if (!isFirst) return
  test.each([
    ['next-auth.mjs', 'bcryptjs'],
    ['auth-js.mjs', 'bcrypt'],
  ])('%s with %s accepts only the new password [W2, W3]', async (script, library) => {
    const { schema, database } = given()
    const accounts = authJsAccounts(database.url, schema, script, library)
    await expectReset(given(), accounts).finally(() => accounts.product.stop())
  })
})

async function expectReset({ sql, schema, installation }: Surrounding, accounts: Accounts): Promise<void> {
  const { product, signsIn } = accounts
  const account = await accounts.add()
  const { id, email, password: old } = account
  const fresh = `ﬁve ½ ${newPassword()}`
  const cookie = await product.call<string>('signIn', { email, password: old })
  expect(await product.call('readSession', { cookie })).toBe(email)

  const before = await readRows(sql)
  expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
  expect(differences(before, await readRows(sql))).toEqual([`${schema}.User ${id}: password, updatedAt`])
  expect([await signsIn(account, old), await signsIn(account, fresh)]).toEqual([false, true])
  // The documentation of the preset says how to end these sessions.
  expect(await product.call('readSession', { cookie })).toBe(email)
}

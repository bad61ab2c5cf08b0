import { expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { inSurroundings } from './in-surroundings'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

// A table without a preset. PHP's functions make its hashes and verify what Rekey writes.

inSurroundings('usersTable', (given, isFirst) => {
  test('PHP verifies only the new password, and the logins of the account are deleted [W2, W3, W4]', async () => {
    const { sql, schema, accounts, installation } = given()
    const [account, other] = [await accounts.add(), await accounts.add()]
    for (const { id, username } of [account, other])
      await sql.query(`INSERT INTO ${schema}.logins VALUES ($1, $2)`, [id, username])
    const fresh = `ﬁve ½ ${newPassword()}`

    const before = await readRows(sql)
    expect(await resetByEndpoint(installation, account.email, fresh)).toEqual(done)
    expect(differences(before, await readRows(sql))).toEqual([
      `${schema}.logins ${account.username}: gone`,
      `${schema}.people ${account.id}: changed_at, pw`,
    ])
    expect(await accounts.signsIn(account, account.password)).toBe(false)
    expect(await accounts.signsIn(account, fresh)).toBe(true)
  })

  if (!isFirst) return
  test('a reset gets a 500 without detail and changes nothing if a constraint of the table rejects the new hash [W8]', async () => {
    const { sql, schema, accounts, installation } = given()
    const account = await accounts.add()
    await sql.query(`ALTER TABLE ${schema}.people ADD CONSTRAINT frozen CHECK (changed_at IS NULL) NOT VALID`)
    const before = await readRows(sql)
    try {
      expect(await resetByEndpoint(installation, account.email, newPassword())).toEqual({
        status: 500,
        json: { detail: 'Internal server error.' },
      })
    } finally {
      await sql.query(`ALTER TABLE ${schema}.people DROP CONSTRAINT frozen`)
    }
    expect(differences(before, await readRows(sql))).toEqual([])
  })
})

import { expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { inSurroundings } from './in-surroundings'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

// A table that no preset knows: PHP's own functions make its hashes and verify what Rekey writes.

inSurroundings('usersTable', (given, isFirst) => {
  test('PHP verifies the new password only, and the logins of the account are gone [W2, W3, W4]', async () => {
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
  test('where a constraint of the table refuses the new hash, the visitor gets a 500 without detail, and nothing changes [W8]', async () => {
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

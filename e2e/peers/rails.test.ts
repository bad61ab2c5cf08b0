import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { devise } from '@/lib/accounts/presets/devise'
import { rails } from '@/lib/accounts/presets/rails'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { storedHash } from './accounts-in-fixtures'
import { inSurroundings } from './in-surroundings'
import { mappings } from './mappings'
import { isAvailable, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

inSurroundings('devise', (given) => {
  test('Devise verifies only the new password, and its sessions end [W2, W3, W4]', async () => {
    const { sql, schema, accounts, installation } = given()
    const [account] = [await accounts.add(), await accounts.add()]
    const { id, email, password: old } = account
    const hash = () => storedHash(sql, mappings.devise(schema), email)
    await sql.query(
      `UPDATE ${schema}.users SET reset_password_token = id::text, reset_password_sent_at = now()`,
    )
    const salt = async () => accounts.product.call<string>('deviseSalt', { stored: await hash() })
    const oldSalt = await salt()
    const fresh = `ﬁve ½ ${newPassword()}`

    const before = await readRows(sql)
    expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
    expect(differences(before, await readRows(sql))).toEqual([
      `${schema}.users ${id}: encrypted_password, reset_password_sent_at, reset_password_token, updated_at`,
    ])
    expect([await accounts.signsIn(account, old), await accounts.signsIn(account, fresh)]).toEqual([
      false,
      true,
    ])
    expect(await salt()).not.toBe(oldSalt)
  })
})

inSurroundings('rails', (given) => {
  test('has_secure_password verifies only the new password, and the sessions of the account end [W2, W3, W4]', async () => {
    const { sql, schema, accounts, installation } = given()
    const [account, other] = [await accounts.add(), await accounts.add()]
    for (const { id } of [account, other])
      await sql.query(
        `INSERT INTO ${schema}.sessions (id, user_id, created_at, updated_at) VALUES ($1, $1, now(), now())`,
        [id],
      )
    const fresh = `ﬁve ½ ${newPassword()}`

    const before = await readRows(sql)
    expect(await resetByEndpoint(installation, account.email, fresh)).toEqual(done)
    expect(differences(before, await readRows(sql))).toEqual([
      `${schema}.sessions ${account.id}: gone`,
      `${schema}.users ${account.id}: password_digest, updated_at`,
    ])
    expect(await accounts.signsIn(account, account.password)).toBe(false)
    expect(await accounts.signsIn(account, fresh)).toBe(true)
  })
})

describe.runIf(isAvailable('Rails'))('hashes of Devise and Rails', () => {
  let product: Product
  beforeAll(() => {
    product = startProduct('rails.rb')
  })
  afterAll(() => product?.stop())

  test('the presets write hashes with the default version and cost of Devise and Rails [W6]', async () => {
    const costs = await product.call<{ devise: number; rails: number }>('defaultCosts')
    expect(devise().password.format.name).toBe(bcrypt({ cost: costs.devise, version: '2a' }).name)
    expect(rails().password.format.name).toBe(bcrypt({ cost: costs.rails, version: '2a' }).name)
  })

  test.each([
    ['without a pepper', undefined, 'a pepper'],
    ['with a pepper', 'a pepper', undefined],
  ])(
    'Devise and Rekey %s verify each other’s hashes, and Devise none of another pepper [W2, W6]',
    async (_how, pepper, other) => {
      const [password, cost] = [newPassword(), 10]
      const format = devise({ cost, ...(pepper && { pepper }) }).password.format
      const stored = await format.hash(password)
      const fits = (more: object) => product.call('deviseFits', { password, stored, cost, ...more })
      expect([await fits({ pepper }), await fits({ pepper: other })]).toEqual([true, false])
      const own = await product.call<string>('deviseHash', { password, cost, pepper })
      expect(await format.verify(password, own)).toBe(true)
    },
  )

  test('Devise and Rekey verify each other’s hashes of the longest password, although bcrypt cuts the pepper [W2, W6]', async () => {
    const pepper = 'a pepper of this test'
    const format = bcrypt({ cost: 10, version: '2a', pepper })
    for (const length of [60, 71, 72]) {
      const password = 'x'.repeat(length)
      const stored = await format.hash(password)
      expect(await product.call('deviseFits', { password, stored, cost: 10, pepper })).toBe(true)
      const own = await product.call<string>('deviseHash', { password, cost: 10, pepper })
      expect(await format.verify(password, own)).toBe(true)
    }
  })
})

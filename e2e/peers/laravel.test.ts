import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { tag } from './accounts'
import { inSurroundings } from './in-surroundings'
import { bcryptCost, laravelUser } from './mappings'
import { isAvailable, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

// PHP's functions, with which Laravel signs in, verify what Rekey writes, and Laravel's hasher where it is installed.

type Verification = { fits: boolean; needsRehash: boolean; algorithm: string }
type Version = { php: string; hasLaravel: boolean; hasArgon2id: boolean }

const verifyBcrypt = (product: Product, given: { password: string; stored: string; cost: number }) =>
  product.call<Verification>('verify', { ...given, algorithm: '2y', options: { cost: given.cost } })

inSurroundings('laravel', (given) => {
  test('PHP verifies only the new password, and sessions, tokens and reset links of the account are deleted [W2, W3, W4]', async () => {
    const { sql, access, schema, accounts, installation } = given()
    const { product } = accounts
    const { id, email, password: old } = await accounts.add()
    await sql.query(`INSERT INTO ${schema}.password_reset_tokens VALUES ($1, $2)`, [email, 'token'])
    for (const [session, owner] of [
      [`s-${id}`, id],
      ['other', '999'],
      ['guest', null],
    ])
      await sql.query(`INSERT INTO ${schema}.sessions VALUES ($1, $2, NULL, NULL, '', 0)`, [
        `${session}-${access}`,
        owner,
      ])
    for (const type of [laravelUser, 'App\\Models\\Team'])
      await sql.query(
        `INSERT INTO ${schema}.personal_access_tokens (tokenable_type, tokenable_id, name, token) VALUES ($1, $2, 'a', $3)`,
        [type, id, tag()],
      )

    const before = await readRows(sql)
    const [token] = [...before].find(
      ([name, row]) =>
        name.startsWith(`${schema}.personal_access_tokens`) &&
        row.tokenable_type === laravelUser &&
        String(row.tokenable_id) === id,
    )!
    const fresh = `ﬁve ½ ${newPassword()}`
    expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
    const after = await readRows(sql)
    expect(differences(before, after)).toEqual([
      `${schema}.password_reset_tokens ${email}: gone`,
      `${token}: gone`,
      `${schema}.sessions s-${id}-${access}: gone`,
      `${schema}.users ${id}: password, remember_token, updated_at`,
    ])

    const row = after.get(`${schema}.users ${id}`) as { password: string; remember_token: string }
    expect(row.remember_token).toMatch(/^[A-Za-z0-9]{60}$/)
    const [stored, cost] = [row.password, bcryptCost]
    expect(await verifyBcrypt(product, { password: fresh, stored, cost })).toEqual({
      fits: true,
      needsRehash: false,
      algorithm: 'bcrypt',
    })
    expect(await verifyBcrypt(product, { password: old, stored, cost })).toMatchObject({ fits: false })
    if ((await product.call<Version>('version')).hasLaravel) {
      const hash = { password: fresh, stored, rounds: cost }
      expect(await product.call('verifyAsLaravel', hash)).toEqual({ fits: true, needsRehash: false })
    }
  })
})

describe.runIf(isAvailable('PHP'))('hashes of PHP', () => {
  let product: Product
  let version: Version
  beforeAll(async () => {
    product = startProduct('laravel.php')
    version = await product.call('version')
  })
  afterAll(() => product?.stop())

  test('PHP accepts only version 2y of bcrypt, and notices another cost [W2, W6]', async () => {
    const password = newPassword()
    const stored = await bcrypt({ cost: 10, version: '2y' }).hash(password)
    expect(await verifyBcrypt(product, { password, stored, cost: 10 })).toMatchObject({
      fits: true,
      needsRehash: false,
    })
    expect(await verifyBcrypt(product, { password, stored, cost: 11 })).toMatchObject({
      fits: true,
      needsRehash: true,
    })
    const other = stored.replace('$2y$', '$2b$')
    expect((await verifyBcrypt(product, { password, stored: other, cost: 10 })).algorithm).not.toBe('bcrypt')
    if (version.hasLaravel)
      await expect(product.call('verifyAsLaravel', { password, stored: other, rounds: 10 })).rejects.toThrow(
        'does not use the Bcrypt algorithm',
      )
  })

  test('PHP verifies an Argon2id hash of Rekey with the parameters of Laravel, and does not hash it again [W2, W6]', async (context) => {
    if (!version.hasArgon2id) context.skip('this PHP has no Argon2id')
    const password = `ﬁve ½ ${newPassword()}`
    const stored = await argon2id({ memoryCost: 65_536, timeCost: 4, parallelism: 1 }).hash(password)
    const options = { memory_cost: 65_536, time_cost: 4, threads: 1 }
    const given = { password, stored, algorithm: 'argon2id', options }
    const right = { fits: true, needsRehash: false, algorithm: 'argon2id' }
    expect(await product.call('verify', given)).toEqual(right)
    expect(await product.call('verify', { ...given, password: `${password}x` })).toMatchObject({
      fits: false,
    })
    expect(await product.call('verify', { ...given, options: { ...options, time_cost: 3 } })).toMatchObject({
      needsRehash: true,
    })
  })
})

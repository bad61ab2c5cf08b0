import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation, requestLink } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { laravel } from '@/lib/accounts/presets/laravel'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { createPeerDatabase, createTables, type PeerDatabase } from './peer-database'
import { canJudge, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'
import { reach, surroundings } from './ways'

// PHP's own functions, with which Laravel signs in, judge what Rekey writes; Laravel's hasher too where it is installed.

const tag = () => randomBytes(6).toString('hex')
type Judgement = { fits: boolean; needsRehash: boolean; algorithm: string }
const user = 'App\\Models\\User'

describe.runIf(canJudge('PHP'))('PHP and Laravel', () => {
  let peer: PeerDatabase
  let product: Product
  let version: { php: string; hasLaravel: boolean; hasArgon2id: boolean }
  beforeAll(async () => {
    peer = await createPeerDatabase()
    for (const schema of ['public', 'shop']) await createTables(peer.sql, 'laravel', schema)
    product = startProduct('laravel.php')
    version = await product.call('version')
    console.log(`PHP ${version.php}, ${version.hasLaravel ? 'with' : 'without'} Illuminate\\Hashing`)
  })
  afterAll(async () => {
    product?.stop()
    await peer?.close()
  })

  const judge = (given: { password: string; stored: string; cost?: number }) =>
    product.call<Judgement>('judge', { ...given, algorithm: '2y', options: { cost: given.cost ?? 12 } })

  test.each(surroundings)(
    'W2, W3, W4, W5: $way, in the schema $schema: PHP verifies the new password only, and what signs in without it is gone',
    async ({ way, schema }) => {
      const { database, sql } = peer
      const mapping = laravel({ table: `${schema}.users`, softDeletes: true, sanctum: user })
      const { users, url, close } = await reach(database, sql, mapping, way)
      const installation = await openInstallation({ ...database, url }, {}, { users })
      try {
        const [email, old, fresh] = [`${tag()}@example.com`, newPassword(), `ﬁve ½ ${newPassword()}`]
        const hash = await product.call('hash', { password: old, algorithm: '2y', options: { cost: 12 } })
        const { rows } = await sql.query<{ id: string }>(
          `INSERT INTO ${schema}.users (name, email, password, remember_token, created_at, updated_at)
         VALUES ('Ada', $1, $2, 'remembered', '2026-01-01', '2026-01-01') RETURNING id`,
          [email, hash],
        )
        const { id } = rows[0]!
        await sql.query(`INSERT INTO ${schema}.password_reset_tokens VALUES ($1, $2)`, [email, 'token'])
        for (const [session, owner] of [
          [`s-${id}`, id],
          ['stranger', '999'],
          ['guest', null],
        ])
          await sql.query(`INSERT INTO ${schema}.sessions VALUES ($1, $2, NULL, NULL, '', 0)`, [
            `${session}-${way}`,
            owner,
          ])
        for (const type of [user, 'App\\Models\\Team'])
          await sql.query(
            `INSERT INTO ${schema}.personal_access_tokens (tokenable_type, tokenable_id, name, token) VALUES ($1, $2, 'a', $3)`,
            [type, id, tag()],
          )

        const deleted = `deleted-${email}`
        await sql.query(
          `INSERT INTO ${schema}.users (name, email, password, deleted_at) VALUES ('Bo', $1, $2, now())`,
          [deleted, hash],
        )

        const before = await readRows(sql)
        const [token] = [...before].find(
          ([name, row]) =>
            name.startsWith(`${schema}.personal_access_tokens`) &&
            row.tokenable_type === user &&
            String(row.tokenable_id) === id,
        )!
        await requestLink(installation, deleted)
        expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
        expect(installation.sink.countTo(deleted)).toBe(0)
        const after = await readRows(sql)
        expect(differences(before, after)).toEqual([
          `${schema}.password_reset_tokens ${email}: gone`,
          `${token}: gone`,
          `${schema}.sessions s-${id}-${way}: gone`,
          `${schema}.users ${id}: password, remember_token, updated_at`,
        ])

        const row = after.get(`${schema}.users ${id}`) as { password: string; remember_token: string }
        expect(row.remember_token).toMatch(/^[A-Za-z0-9]{60}$/)
        expect(await judge({ password: fresh, stored: row.password })).toEqual({
          fits: true,
          needsRehash: false,
          algorithm: 'bcrypt',
        })
        expect(await judge({ password: old, stored: row.password })).toMatchObject({ fits: false })
        if (version.hasLaravel) {
          const given = { password: fresh, stored: row.password, rounds: 12 }
          expect(await product.call('judgeAsLaravel', given)).toEqual({ fits: true, needsRehash: false })
        }
      } finally {
        await installation.close()
        await close()
      }
    },
  )

  test('W2, W6: of bcrypt, PHP knows version 2y alone, and notices another cost', async () => {
    const password = newPassword()
    const stored = await bcrypt({ cost: 10, version: '2y' }).hash(password)
    expect(await judge({ password, stored, cost: 10 })).toMatchObject({ fits: true, needsRehash: false })
    expect(await judge({ password, stored, cost: 11 })).toMatchObject({ fits: true, needsRehash: true })
    const other = stored.replace('$2y$', '$2b$')
    expect((await judge({ password, stored: other, cost: 10 })).algorithm).not.toBe('bcrypt')
    if (version.hasLaravel)
      await expect(product.call('judgeAsLaravel', { password, stored: other, rounds: 10 })).rejects.toThrow(
        'does not use the Bcrypt algorithm',
      )
  })

  test('W2, W6: PHP verifies Argon2id as Rekey writes it, with the parameters of Laravel, and does not hash it again', async (context) => {
    if (!version.hasArgon2id) context.skip('this PHP has no Argon2id')
    const password = `ﬁve ½ ${newPassword()}`
    const stored = await argon2id({ memoryCost: 65_536, timeCost: 4, parallelism: 1 }).hash(password)
    const options = { memory_cost: 65_536, time_cost: 4, threads: 1 }
    const given = { password, stored, algorithm: 'argon2id', options }
    const right = { fits: true, needsRehash: false, algorithm: 'argon2id' }
    expect(await product.call('judge', given)).toEqual(right)
    expect(await product.call('judge', { ...given, password: `${password}x` })).toMatchObject({ fits: false })
    expect(await product.call('judge', { ...given, options: { ...options, time_cost: 3 } })).toMatchObject({
      needsRehash: true,
    })
  })
})

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { devise } from '@/lib/accounts/presets/devise'
import { rails } from '@/lib/accounts/presets/rails'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { createPeerDatabase, createTables, type PeerDatabase } from './peer-database'
import { canJudge, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'
import { reach, surroundings } from './ways'

// Devise's encryptor and ActiveModel's has_secure_password, of Debian's packages, judge what Rekey writes.

const tag = () => randomBytes(6).toString('hex')

describe.runIf(canJudge('Rails'))('Rails', () => {
  let product: Product
  beforeAll(async () => {
    product = startProduct('rails.rb')
    console.log(await product.call('version'))
  })
  afterAll(() => product?.stop())

  async function tablesOf(name: string, schema: string): Promise<PeerDatabase> {
    const peer = await createPeerDatabase()
    await createTables(peer.sql, name, schema)
    return peer
  }

  const [, granted] = surroundings
  test.each([
    ...surroundings.map((where) => ({ ...where, options: { pepper: 'a pepper of this test' } })),
    { ...granted!, options: {} },
  ])(
    'W2, W3, W4, W5: $way, in the schema $schema: Devise verifies the new password only, with $options, and its sessions die',
    async ({ way, schema, options }) => {
      const { database, sql, close } = await tablesOf('devise', schema)
      const mapping = devise({ table: `${schema}.users`, ...options })
      const reached = await reach(database, sql, mapping, way)
      const installation = await openInstallation(
        { ...database, url: reached.url },
        {},
        { users: reached.users },
      )
      try {
        const [email, old, fresh] = [`${tag()}@example.com`, newPassword(), `ﬁve ½ ${newPassword()}`]
        const hash = await product.call<string>('deviseHash', { password: old, cost: 12, ...options })
        await sql.query(
          `INSERT INTO ${schema}.users (email, encrypted_password, reset_password_token, reset_password_sent_at, created_at, updated_at)
           VALUES ($1, $2, 'an open link', now(), '2026-01-01', '2026-01-01'),
                  ('social-' || $1, '', NULL, NULL, '2026-01-01', '2026-01-01')`,
          [email, hash],
        )
        const before = await readRows(sql)
        expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
        const after = await readRows(sql)
        expect(differences(before, after)).toEqual([
          `${schema}.users 1: encrypted_password, reset_password_sent_at, reset_password_token, updated_at`,
        ])
        const stored = after.get(`${schema}.users 1`)!.encrypted_password as string
        const fits = (password: string, more = {}) =>
          product.call('deviseFits', { password, stored, cost: 12, ...options, ...more })
        expect([await fits(fresh), await fits(old)]).toEqual([true, false])
        expect(await fits(fresh, { pepper: 'another pepper' })).toBe(false)
        expect(await product.call('deviseSalt', { stored })).not.toBe(
          await product.call('deviseSalt', { stored: hash }),
        )
      } finally {
        await installation.close()
        await reached.close()
        await close()
      }
    },
  )

  test('W2, W6: the longest password of Rekey fits for Devise, though bcrypt cuts the pepper there', async () => {
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

  test.each(surroundings)(
    'W2, W3, W4: $way, in the schema $schema: has_secure_password verifies the new password only, and sessions end',
    async ({ way, schema }) => {
      const { database, sql, close } = await tablesOf('rails', schema)
      const reached = await reach(database, sql, rails({ table: `${schema}.users` }), way)
      const installation = await openInstallation(
        { ...database, url: reached.url },
        {},
        { users: reached.users },
      )
      try {
        const [email, old, fresh] = [`${tag()}@example.com`, newPassword(), `ﬁve ½ ${newPassword()}`]
        const hash = await product.call<string>('secureHash', { password: old })
        await sql.query(
          `INSERT INTO ${schema}.users (email_address, password_digest, created_at, updated_at)
         VALUES ($1, $2, '2026-01-01', '2026-01-01'), ('else@example.com', $2, '2026-01-01', '2026-01-01')`,
          [email, hash],
        )
        await sql.query(
          `INSERT INTO ${schema}.sessions (user_id, created_at, updated_at) SELECT id, now(), now() FROM ${schema}.users`,
        )
        const before = await readRows(sql)
        expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
        const after = await readRows(sql)
        expect(differences(before, after)).toEqual([
          `${schema}.sessions 1: gone`,
          `${schema}.users 1: password_digest, updated_at`,
        ])
        const stored = after.get(`${schema}.users 1`)!.password_digest
        expect(await product.call('secureFits', { password: fresh, stored })).toBe(true)
        expect(await product.call('secureFits', { password: old, stored })).toBe(false)
      } finally {
        await installation.close()
        await reached.close()
        await close()
      }
    },
  )
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { django } from '@/lib/accounts/presets/django'
import { djangoArgon2, djangoPbkdf2 } from '@/lib/passwords/hashers/django'
import type { PasswordFormat } from '@/lib/passwords/hashers/password-format'
import { tag } from './accounts'
import { djangoDatabase } from './accounts-by-preset'
import { inSurroundings } from './in-surroundings'
import { djangoIterations as iterations } from './mappings'
import { createPeerDatabase, type PeerDatabase } from './peer-database'
import { isAvailable, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

inSurroundings('django', (given) => {
  test('Django accepts only the new password, and its sessions and tokens end [W2, W3, W4]', async () => {
    const { sql, schema, accounts, installation } = given()
    const { product } = accounts
    const [{ id, username, email, password: old }, other] = [await accounts.add(), await accounts.add()]
    const session = await product.call<string>('sign_in', { username, password: old })
    const token = await product.call<string | null>('create_token', { id })
    const otherToken = await product.call<string | null>('create_token', { id: other.id })
    expect(await product.call('is_signed_in', { session })).toBe(true)

    const before = await readRows(sql)
    const fresh = `ﬁve ½ ${newPassword()} `
    expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
    expect(differences(before, await readRows(sql))).toEqual([
      `${schema}.auth_user ${id}: password`,
      ...(token === null ? [] : [`${schema}.authtoken_token ${token}: gone`]),
    ])

    const stored = await product.call('stored', { id })
    expect(await product.call('sign_in', { username, password: old })).toBeNull()
    expect(await product.call('sign_in', { username, password: fresh.normalize('NFKC') })).toBeNull()
    expect(await product.call('sign_in', { username, password: fresh })).not.toBeNull()
    expect(await product.call('stored', { id })).toBe(stored)
    expect(await product.call('is_signed_in', { session })).toBe(false)
    if (token !== null) {
      expect(await product.call('is_token_valid', { token })).toBe(false)
      expect(await product.call('is_token_valid', { token: otherToken })).toBe(true)
    }
  })
})

type Verification = { fits: boolean; isUsable: boolean; mustUpdate: boolean; isRehashed: boolean }
const isRight: Verification = { fits: true, isUsable: true, mustUpdate: false, isRehashed: false }

function iterationsIn({ name }: PasswordFormat): number {
  return Number(/(\d+) iterations/.exec(name)?.[1])
}

describe.runIf(isAvailable('Django'))('hashes of Django', () => {
  let peer: PeerDatabase
  let product: Product
  beforeAll(async () => {
    peer = await createPeerDatabase()
    product = startProduct('django-auth.py', {
      iterations,
      hasher: 'pbkdf2_sha256',
      database: djangoDatabase(peer.database.url, 'public'),
    })
    await product.call('migrate')
  })
  afterAll(async () => {
    product?.stop()
    await peer?.close()
  })

  test.each(['4.2', '5.0', '5.1', '5.2', '6.0', '6.1'] as const)(
    'Django verifies a hash of Rekey with the iterations of version %s, and does not hash it again [W2, W6]',
    async (version) => {
      const { format } = django({ version }).password
      const password = `ﬁve ½ 𝒽 ${newPassword()}`
      const given = { password, stored: await format.hash(password), iterations: iterationsIn(format) }
      expect(await product.call<Verification>('verify', given)).toEqual(isRight)
    },
  )

  test('the preset has the same default iterations as the installed Django [W6]', async () => {
    const version = (await product.call<string>('version')).split('.').slice(0, 2).join('.') as '3.2'
    expect(iterationsIn(django({ version }).password.format)).toBe(await product.call('default_iterations'))
  })

  test('Rekey verifies a hash of Django, and Django notices another password, other iterations and a short salt [W6]', async () => {
    const format = djangoPbkdf2({ iterations })
    const password = newPassword()
    expect(await format.verify(password, await product.call<string>('hash', { password }))).toBe(true)
    const given = { password, stored: await format.hash(password) }
    expect(await product.call('verify', given)).toEqual(isRight)
    expect(await product.call('verify', { ...given, password: `${password} ` })).toMatchObject({
      fits: false,
    })
    const isRehashed = { fits: true, mustUpdate: true, isRehashed: true }
    for (const other of [iterations + 1, iterations - 1])
      expect(await product.call('verify', { ...given, iterations: other })).toMatchObject(isRehashed)
    const stored = await product.call('hash', { password, salt: 'a'.repeat(21) })
    expect(await product.call('verify', { password, stored })).toMatchObject(isRehashed)
  })

  test('Django with Argon2 first in PASSWORD_HASHERS accepts the new password and does not hash it again [W2]', async () => {
    const { database, sql } = peer
    const argon2 = startProduct('django-auth.py', {
      iterations,
      hasher: 'argon2',
      database: djangoDatabase(database.url, 'public'),
    })
    // The default of Django's argon2-cffi.
    const hashLength = await argon2.call<number>('argon2_hash_length')
    const users = django({ iterations, hasher: 'argon2', argon2: { hashLength } })
    const installation = await openInstallation(database, {}, { users })
    try {
      // The first account has a PBKDF2 hash, from before the project changed its hasher.
      for (const by of [product, argon2]) {
        const username = `user-${tag()}`
        const [email, old, fresh] = [`${username}@example.com`, newPassword(), newPassword()]
        const id = await by.call<number>('create_user', { username, email, password: old })
        expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
        const { rows } = await sql.query<{ password: string }>(
          'SELECT password FROM auth_user WHERE id = $1',
          [id],
        )
        expect(rows[0]!.password).toMatch(/^argon2\$argon2id\$/)
        expect(await argon2.call('sign_in', { username, password: old })).toBeNull()
        expect(await argon2.call('sign_in', { username, password: fresh })).not.toBeNull()
        expect(await argon2.call('stored', { id })).toBe(rows[0]!.password)
      }
      const password = newPassword()
      const stored = await djangoArgon2({ hashLength: hashLength === 32 ? 16 : 32 }).hash(password)
      expect(await argon2.call('verify', { password, stored })).toMatchObject({
        fits: true,
        mustUpdate: true,
      })
    } finally {
      argon2.stop()
      await installation.close()
    }
  })
})

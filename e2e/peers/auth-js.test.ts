import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation, requestLink } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { authJs } from '@/lib/accounts/presets/auth-js'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { createPeerDatabase, createTables, type PeerDatabase } from './peer-database'
import { canJudge, startProduct } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'
import { reach, surroundings } from './ways'

// Auth.js and next-auth 4 sign in through their Credentials provider, with the bcrypt libraries that teams use in `authorize`.

const tag = () => randomBytes(6).toString('hex')

describe.runIf(canJudge('Auth.js'))('Auth.js', () => {
  let peer: PeerDatabase
  beforeAll(async () => {
    peer = await createPeerDatabase()
    for (const schema of ['public', 'shop']) await createTables(peer.sql, 'auth-js', schema)
  })
  afterAll(() => peer?.close())

  const [first] = surroundings
  test.each([
    ...surroundings.map((where) => ({ script: 'next-auth.mjs', library: 'bcryptjs', ...where })),
    ...surroundings.map((where) => ({ script: 'auth-js.mjs', library: 'bcryptjs', ...where })),
    { script: 'auth-js.mjs', library: 'bcrypt', ...first! },
  ])(
    'W2, W3, W4, W5: $way, in the schema $schema: $script with $library signs in with the new password only; its sessions, which are JWTs, live on',
    async ({ way, schema, script, library }) => {
      const { database, sql } = peer
      const format = bcrypt({ cost: 10, version: '2b' })
      const table = `${schema}.User`
      const mapping = authJs({ table, password: 'password', format, updatedAt: 'updatedAt' })
      const { users, url, close } = await reach(database, sql, mapping, way)
      const product = startProduct(script, { url: database.url, schema, library })
      const installation = await openInstallation({ ...database, url }, {}, { users })
      try {
        const [id, old, fresh] = [tag(), newPassword(), `ﬁve ½ ${newPassword()}`]
        const email = `${id}@example.com`
        await product.call('signUp', { id, email, password: old })
        const social = `social-${id}@example.com`
        await product.call('signUp', { id: `social-${id}`, email: social, password: null })
        const cookie = await product.call<string>('signIn', { email, password: old })
        expect(await product.call('readSession', { cookie })).toBe(email)

        const before = await readRows(sql)
        await requestLink(installation, social)
        expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
        expect(differences(before, await readRows(sql))).toEqual([`${table} ${id}: password, updatedAt`])
        expect(await product.call('signIn', { email, password: old })).toBeNull()
        expect(await product.call('signIn', { email, password: fresh })).not.toBeNull()
        expect(installation.sink.countTo(social)).toBe(0)
        // The preset's documentation says what to do about that.
        expect(await product.call('readSession', { cookie })).toBe(email)
      } finally {
        product.stop()
        await installation.close()
        await close()
      }
    },
  )
})

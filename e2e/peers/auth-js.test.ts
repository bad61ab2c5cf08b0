import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation, resetByEmail } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { authJs } from '@/lib/accounts/presets/auth-js'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { createPeerDatabase, type PeerDatabase } from './peer-database'
import { canJudge, startProduct } from './product'
import { differences, readRows } from './rows'
import { reach } from './ways'

// Auth.js signs in through its Credentials provider, with the bcrypt libraries that teams use in `authorize`.

const tag = () => randomBytes(6).toString('hex')

describe.runIf(canJudge('Auth.js'))('Auth.js', () => {
  let peer: PeerDatabase
  beforeAll(async () => {
    peer = await createPeerDatabase()
    await peer.sql.query(readFileSync('e2e/peers/schemas/auth-js.sql', 'utf8'))
  })
  afterAll(() => peer?.close())

  test.each(['bcryptjs', 'bcrypt'])(
    'W2, W3, W4: under the printed grants, Auth.js with %s signs in with the new password only; its sessions, which are JWTs, live on',
    async (library) => {
      const { database, sql } = peer
      const format = bcrypt({ cost: 10, version: '2b' })
      const mapping = authJs({ table: 'User', password: 'password', format, updatedAt: 'updatedAt' })
      const { users, url, close } = await reach(database, sql, mapping, 'under the printed grants')
      const product = startProduct('auth-js.mjs', { url: database.url, library })
      const installation = await openInstallation({ ...database, url }, {}, { users })
      try {
        const [id, old, fresh] = [tag(), newPassword(), `ﬁve ½ ${newPassword()}`]
        const email = `${id}@example.com`
        await product.call('signUp', { id, email, password: old })
        const cookie = await product.call<string>('signIn', { email, password: old })
        expect(await product.call('readSession', { cookie })).toBe(email)

        const before = await readRows(sql)
        expect(await resetByEmail(installation, email, fresh)).toEqual({ ok: true })
        expect(differences(before, await readRows(sql))).toEqual([`public.User ${id}: password, updatedAt`])
        expect(await product.call('signIn', { email, password: old })).toBeNull()
        expect(await product.call('signIn', { email, password: fresh })).not.toBeNull()
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

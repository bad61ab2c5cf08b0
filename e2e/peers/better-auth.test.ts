import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openInstallation, requestLink, resetByEmail } from '@/e2e/support/installation'
import { newPassword } from '@/e2e/support/running-app'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { createPeerDatabase, type PeerDatabase } from './peer-database'
import { canJudge, startProduct, type Product } from './product'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'
import { reach, ways } from './ways'

// better-auth judges what Rekey writes: its own migration makes the tables, its own API users and sessions.

const tag = () => randomBytes(6).toString('hex')
type Outcome = { status: number; cookie: string }

describe.runIf(canJudge('better-auth'))('better-auth', () => {
  let peer: PeerDatabase
  beforeAll(async () => {
    peer = await createPeerDatabase()
  })
  afterAll(() => peer?.close())

  describe.each([
    { where: 'in public', schema: 'public', plugins: false, by: ways.slice(0, 2) },
    {
      where: 'in a schema of its own, with the plugins admin and username',
      schema: 'identity',
      plugins: true,
      by: ways,
    },
  ])('with its tables $where', ({ schema, plugins, by }) => {
    const mapping = betterAuth({ schema, ...(plugins && { admin: true, username: true }) })
    let product: Product
    beforeAll(async () => {
      if (schema !== 'public') await peer.sql.query({ text: `CREATE SCHEMA ${schema}` })
      product = startProduct('better-auth.mjs', { url: peer.database.url, schema, plugins })
      console.log(`better-auth ${await product.call('version')}`)
      await product.call('migrate')
    })
    afterAll(() => product?.stop())

    async function signUp() {
      const name = `User_${tag()}`
      const user = { name, email: `${name}@Example.com`, password: newPassword() }
      const id = await product.call<string>('signUp', { ...user, ...(plugins && { username: name }) })
      return { ...user, id }
    }

    test.each(by)(
      'W2, W3, W4: %s: better-auth signs in with the new password only, and its sessions end',
      async (way) => {
        const { database, sql } = peer
        const { users, url, close } = await reach(database, sql, mapping, way)
        const installation = await openInstallation({ ...database, url }, {}, { users })
        try {
          const { id, name, email, password: old } = await signUp()
          const other = await signUp()
          const signIn = (password: string, of = email) =>
            product.call<Outcome>('signIn', { email: of, password })
          const { cookie } = await signIn(old)
          expect(await product.call('readSession', { cookie })).toBe(id)
          const { cookie: otherCookie } = await signIn(other.password, other.email)
          for (const of of [email, other.email]) await product.call('requestReset', { email: of })

          const before = await readRows(sql)
          const owned = (table: string, column: string) =>
            [...before].filter(([key, row]) => key.startsWith(`${schema}.${table} `) && row[column] === id)
          const fresh = `ﬁve ½ 𝒽 ${newPassword()}`
          expect(await resetByEndpoint(installation, email.toLowerCase(), fresh)).toEqual(done)
          const [sessions, links] = [owned('session', 'userId'), owned('verification', 'value')]
          // One of the sign-up, one of the sign-in; one link of its own.
          expect([sessions.length, links.length]).toEqual([2, 1])
          expect(differences(before, await readRows(sql))).toEqual(
            [
              ...owned('account', 'userId').map(([key]) => `${key}: password, updatedAt`),
              ...[...sessions, ...links].map(([key]) => `${key}: gone`),
            ].sort(),
          )

          const hash = async () => (await readRows(sql)).get(owned('account', 'userId')[0]![0])!.password
          const stored = await hash()
          expect((await signIn(old)).status).toBe(401)
          expect((await signIn(`${fresh}x`)).status).toBe(401)
          expect((await signIn(fresh)).status).toBe(200)
          expect((await signIn(fresh.normalize('NFKC'))).status).toBe(200)
          if (plugins) {
            const byName = (password: string) =>
              product.call<Outcome>('signInByName', { username: name, password })
            expect([(await byName(fresh)).status, (await byName(old)).status]).toEqual([200, 401])
          }
          expect(await hash()).toBe(stored)
          expect(await product.call('readSession', { cookie })).toBeNull()
          expect(await product.call('readSession', { cookie: otherCookie })).toBe(other.id)
        } finally {
          await installation.close()
          await close()
        }
      },
    )

    test('W5: a user with a social account only, or who is banned, gets no email', async () => {
      const installation = await openInstallation(peer.database, {}, { users: mapping })
      try {
        const social = `social-${tag()}@example.com`
        await product.call('addSocialAccount', { email: social })
        const unfit = [social]
        if (plugins) {
          const { id, email, password } = await signUp()
          await product.call('ban', { id })
          expect((await product.call<Outcome>('signIn', { email, password })).status).toBe(403)
          unfit.push(email.toLowerCase())
        }
        for (const email of unfit) await requestLink(installation, email)
        const { email } = await signUp()
        expect(await resetByEmail(installation, email.toLowerCase(), newPassword())).toEqual({ ok: true })
        for (const unmailed of unfit) expect(installation.sink.countTo(unmailed)).toBe(0)
      } finally {
        await installation.close()
      }
    })
  })
})

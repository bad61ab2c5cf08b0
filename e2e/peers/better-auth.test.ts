import { expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { inSurroundings } from './in-surroundings'
import { done, resetByEndpoint } from './reset-by-endpoint'
import { differences, readRows } from './rows'

// better-auth runs without plugins in `public`, and with `admin` and `username` in its own schema.

type Outcome = { status: number; cookie: string }

inSurroundings('betterAuth', (given) => {
  test('better-auth accepts only the new password, and its sessions end [W2, W3, W4]', async () => {
    const { sql, schema, accounts, installation } = given()
    const { product } = accounts
    const [{ id, username, email, password: old }, other] = [await accounts.add(), await accounts.add()]
    const signIn = (password: string, of = email) => product.call<Outcome>('signIn', { email: of, password })
    const { cookie } = await signIn(old)
    expect(await product.call('readSession', { cookie })).toBe(id)
    const { cookie: otherCookie } = await signIn(other.password, other.email)
    for (const of of [email, other.email]) await product.call('requestReset', { email: of })

    const before = await readRows(sql)
    const owned = (table: string, column: string) =>
      [...before].filter(([key, row]) => key.startsWith(`${schema}.${table} `) && row[column] === id)
    const fresh = `ﬁve ½ 𝒽 ${newPassword()}`
    expect(await resetByEndpoint(installation, email, fresh)).toEqual(done)
    const [sessions, links] = [owned('session', 'userId'), owned('verification', 'value')]
    // Two sessions, of the sign-up and of the sign-in, and one reset link of better-auth.
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
    // With `admin`, the plugin `username` is active, too.
    if (accounts.disabling) {
      const byName = (password: string) => product.call<Outcome>('signInByName', { username, password })
      expect([(await byName(fresh)).status, (await byName(old)).status]).toEqual([200, 401])
    }
    expect(await hash()).toBe(stored)
    expect(await product.call('readSession', { cookie })).toBeNull()
    expect(await product.call('readSession', { cookie: otherCookie })).toBe(other.id)
    if (!accounts.disabling) return
    // An account that Rekey sends no email is also rejected by better-auth.
    await sql.query(`UPDATE ${schema}."user" SET ${accounts.disabling} WHERE "id" = $1`, [other.id])
    expect((await signIn(other.password, other.email)).status).toBe(403)
  })
})

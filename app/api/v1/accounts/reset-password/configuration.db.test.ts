import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { RekeyConfig, ResetPasswordRequest } from '@/lib/password-reset/extension-points'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import * as reset from './route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
afterAll(() => endpoints.close())

describe('functions of a team in rekey.config.ts', () => {
  const good = 'gravel lantern orchard 7'

  async function withConfiguration(configuration: RekeyConfig) {
    const { sql, services, exchange, personWithLink } = endpoints
    await sql.query('CREATE TABLE IF NOT EXISTS "sessions" ("account_id" uuid NOT NULL)')
    const { id, link } = await personWithLink('reset')
    await sql.query('INSERT INTO "sessions" VALUES ($1), ($1)', [id])
    exchange({ passwordReset: createPasswordReset({ ...services, configuration }) })
    const sendBody = (body: string) =>
      reset.POST(
        requestTo('reset-password', {
          headers: { ...json, 'x-rekey-client': '203.0.113.7', 'x-csrftoken': 'kept' },
          body,
        }),
      )
    const send = (more: Record<string, unknown>) => sendBody(JSON.stringify({ ...link, ...more }))
    const sessions = async () =>
      (await sql.query('SELECT FROM "sessions" WHERE "account_id" = $1', [id])).rowCount
    return { link, send, sendBody, sessions }
  }

  test('a second factor gets all fields except the passwords, and its rejection is a 403 that changes nothing [S4, P11]', async () => {
    const seen: ResetPasswordRequest[] = []
    const { link, send, sessions } = await withConfiguration({
      secondFactor: async (_account, request) => {
        seen.push(request)
        return request.fields.otp === 123456
      },
    })
    const rejected = await send({ password: good, password_confirm: good, otp: 1 })
    expect([rejected.status, await rejected.json()]).toMatchObject([403, { code: 'second-factor-required' }])
    expect(seen.map(({ client, fields }) => [client, fields])).toEqual([['203.0.113.7', { ...link, otp: 1 }]])
    expect(seen[0]!.headers.get('x-csrftoken')).toBe('kept')
    expect(await sessions()).toBe(2)
    expect((await send({ password: good, otp: 123456 })).status).toBe(200)
  })

  test('a second factor gets fields that are nested 32 levels deep, and deeper ones are rejected [I1, C14]', async () => {
    const seen: ResetPasswordRequest[] = []
    const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    const bodyOf = (link: object, password: string, otp: string) =>
      `${JSON.stringify({ ...link, password }).slice(0, -1)},"otp":${otp}}`

    const { link, sendBody } = await withConfiguration({
      secondFactor: async (_, request) => seen.push(request) === 0,
    })
    for (const depth of [33, 8_000]) {
      const rejected = await sendBody(bodyOf(link, good, nested(depth)))
      expect([rejected.status, await rejected.json()]).toEqual([
        400,
        { detail: 'JSON parse error - Nested too deeply' },
      ])
    }
    expect(seen).toEqual([])
    const within = `{"a":${nested(31)}}`
    expect((await sendBody(bodyOf(link, good, within))).status).toBe(403)
    expect(seen[0]!.fields.otp).toEqual(JSON.parse(within))
  })

  test('a reset ends the sessions before its response [S1]', async () => {
    const { send, sessions } = await withConfiguration({
      revokeSessions: async (tx, { id }) => {
        await tx.$executeRaw`DELETE FROM "sessions" WHERE "account_id" = ${id}::uuid`
      },
    })
    expect((await send({ password: 'short' })).status).toBe(400)
    expect(await sessions()).toBe(2)
    expect((await send({ password: good })).status).toBe(200)
    expect(await sessions()).toBe(0)
  })
})

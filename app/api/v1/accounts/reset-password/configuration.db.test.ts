import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { RekeyConfig, ResetRequest } from '@/lib/password-reset/extension-points'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import * as reset from './route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
afterAll(() => endpoints.close())

describe('what a team adds of its own meets the request', () => {
  const good = 'gravel lantern orchard 7'

  /** An account with two sessions, the fields of a link to it, and the endpoint with these functions of a team's. */
  async function withTeams(configuration: RekeyConfig) {
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

  test('a second factor sees all fields but the passwords, and its no is a 403 that changes nothing [S4, P11]', async () => {
    const seen: ResetRequest[] = []
    const { link, send, sessions } = await withTeams({
      secondFactor: async (_account, request) => {
        seen.push(request)
        return request.fields.otp === 123456
      },
    })
    const refused = await send({ password: good, password_confirm: good, otp: 1 })
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'second-factor-required' }])
    expect(seen.map(({ client, fields }) => [client, fields])).toEqual([['203.0.113.7', { ...link, otp: 1 }]])
    expect(seen[0]!.headers.get('x-csrftoken')).toBe('kept')
    expect(await sessions()).toBe(2)
    expect((await send({ password: good, otp: 123456 })).status).toBe(200)
  })

  test('a second factor gets fields that are nested 32 deep, and none that are deeper [I1, C14]', async () => {
    const seen: ResetRequest[] = []
    const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    const bodyOf = (link: object, password: string, otp: string) =>
      `${JSON.stringify({ ...link, password }).slice(0, -1)},"otp":${otp}}`

    const asking = await withTeams({ secondFactor: async (_, request) => seen.push(request) === 0 })
    for (const depth of [33, 8_000]) {
      const refused = await asking.sendBody(bodyOf(asking.link, good, nested(depth)))
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { detail: 'JSON parse error - Nested too deeply' },
      ])
    }
    expect(seen).toEqual([])
    const within = `{"a":${nested(31)}}`
    expect((await asking.sendBody(bodyOf(asking.link, good, within))).status).toBe(403)
    expect(seen[0]!.fields.otp).toEqual(JSON.parse(within))
  })

  test('sessions have ended when the response comes [S1]', async () => {
    const { send, sessions } = await withTeams({
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

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { form, json, openEndpoints, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { ownIdentity, ownUsersMapping } from '@/lib/accounts/adapters/own-table'
import { fieldErrorCodes } from '@/lib/http/error-codes'
import { createPasswordReset } from '@/lib/password-reset/password-reset'
import { createPasswordPolicy } from '@/lib/passwords/policy'
import * as cancel from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as send from '@/app/api/v1/accounts/send-reset-password-link/route'

let endpoints: Endpoints
let services: Endpoints['services']

beforeAll(async () => {
  endpoints = await openEndpoints()
  services = endpoints.start({
    RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: 'true',
    PASSWORD_OUTER_SPACES: 'refuse',
  })
}, 120_000)
afterAll(() => endpoints.close())

const handlers = { send: send.POST, reset: reset.POST, cancel: cancel.POST }
const seen = new Set<string>()

/** Expects one code for each message in the body, if there are codes. */
async function codesOf(endpoint: keyof typeof handlers, body: unknown): Promise<string | null> {
  const sent = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await handlers[endpoint](requestTo('x', { headers: json, body: sent }))
  const responseBody = (await response.json()) as Record<string, unknown>
  const codes = response.headers.get('error-codes')
  expect(response.status).toBe(400)
  if (codes !== null) {
    const named = codes.split(', ').map((pair) => pair.split('=') as [string, string])
    for (const [, code] of named) seen.add(code)
    const messages = Object.entries(responseBody).flatMap(([name, list]) =>
      (list as string[]).map(() => name),
    )
    expect(named.map(([field]) => field)).toEqual(messages)
  }
  return codes
}

describe('the header Error-Codes [V4]', () => {
  test.each<[keyof typeof handlers, unknown, string]>([
    ['send', {}, 'login=required'],
    ['send', { login: null }, 'login=null'],
    ['send', { login: ' ' }, 'login=blank'],
    ['send', { login: [] }, 'login=invalid-string'],
    ['send', '{"login":"\\u0000\\ud800"}', 'login=null-characters, login=surrogates'],
    ['send', 'null', 'non_field_errors=no-data'],
    ['send', [], 'non_field_errors=not-an-object'],
    ['reset', '"x"', 'non_field_errors=not-an-object'],
    ['cancel', '7', 'non_field_errors=not-an-object'],
    [
      'reset',
      { password: '', timestamp: 'soon', signature: null },
      'user_id=required, timestamp=invalid-integer, signature=null, password=blank, password_confirm=required',
    ],
    ['cancel', { timestamp: true }, 'user_id=required, timestamp=invalid-integer, signature=required'],
    ['cancel', { user_id: 'a', timestamp: '01', signature: 'b' }, 'timestamp=invalid-integer'],
  ])('the endpoint "%s" responds to the body %j with the codes %s', async (endpoint, body, codes) => {
    expect(await codesOf(endpoint, body)).toBe(codes)
  })

  test.each<[string, string, string]>([
    ['eight well-known letters', 'password', 'password=too-short, password=too-common'],
    ['257 digits', '9'.repeat(257), 'password=numeric, password=too-long'],
    ['a space in front', ' gravel lantern orchard', 'password=outer-spaces'],
    ['digits only', '8'.repeat(16), 'password=numeric'],
  ])(
    'the codes name all problems of a password with %s, and then that of the repetition',
    async (_what, password, codes) => {
      const { link } = await endpoints.personWithLink('reset', services)
      const typed = { ...link, password, password_confirm: `${password}!` }
      expect(await codesOf('reset', typed)).toBe(`${codes}, password_confirm=mismatch`)
    },
  )

  test('a password with more bytes than its format allows has its own code, and the message names the limit [W6]', async () => {
    const { link } = await endpoints.personWithLink('reset', services)
    const policy = createPasswordPolicy({
      ...services.policy.ruleSettings,
      ...{ appName: 'Rekey', host: 'localhost', longest: { count: 72, unit: 'bytes' as const } },
    })
    endpoints.exchange({ ...services, passwordReset: createPasswordReset({ ...services, policy }) })
    const typed = { ...link, password: 'gräfin läßt grünen käse'.repeat(3) }
    const sent = { ...typed, password_confirm: typed.password }
    expect(await codesOf('reset', sent)).toBe('password=too-many-bytes')
    const response = await reset.POST(requestTo('x', { headers: json, body: JSON.stringify(sent) }))
    expect(await response.json()).toEqual({
      password: ['This password is too long. It must contain at most 72 bytes in UTF-8.'],
    })
    endpoints.exchange(services)
  })

  test('the code of a similar password names the value to which it is similar', async () => {
    const { id } = await endpoints.personWithLink('reset', services)
    const similar = {
      username: 'marmalade-kettle',
      email: 'orchestra-violin@example.com',
      first_name: 'Wilhelmina-Augusta',
      last_name: 'Featherstonehaugh',
    }
    await endpoints.sql.query(
      'UPDATE "rekey"."users" SET "username" = $2, "email" = $3, "first_name" = $4, "last_name" = $5 WHERE "id" = $1',
      [id, ...Object.values(similar)],
    )
    const { account, now } = await services.accounts.read(id)
    const link = services.links.create('reset', id, Math.floor(now.getTime() / 1000), account!)
    for (const [what, password] of Object.entries(similar)) {
      const typed = { ...link, password, password_confirm: password }
      expect(await codesOf('reset', typed)).toBe(`password=too-similar-${what.replace('_', '-')}`)
    }
  })

  test('the code names the whole name if the users table has one column for it [W11]', async () => {
    const { id } = await endpoints.personWithLink('reset', services)
    await endpoints.sql.query(
      `UPDATE "rekey"."users" SET "last_name" = 'Wilhelmina Lanternby' WHERE "id" = $1`,
      [id],
    )
    const { lastName: column, ...others } = ownUsersMapping(services.database.schemas)
    const accounts = createSqlAccountStore(services.database, { ...others, name: column! }, ownIdentity)
    endpoints.exchange({ ...services, passwordReset: createPasswordReset({ ...services, accounts }) })
    const { account, now } = await accounts.read(id)
    const link = services.links.create('reset', id, Math.floor(now.getTime() / 1000), account!)
    const sent = { ...link, password: 'wilhelmina lanternby', password_confirm: 'wilhelmina lanternby' }
    expect(await codesOf('reset', sent)).toBe('password=too-similar-name')
    const response = await reset.POST(requestTo('x', { headers: json, body: JSON.stringify(sent) }))
    expect(await response.json()).toEqual({ password: ['The password is too similar to the name.'] })
    endpoints.exchange(services)
  })

  test('a response without errors of fields has no Error-Codes header', async () => {
    const { link } = await endpoints.personWithLink('reset', services)
    const forged = { ...link, signature: 'x', password: 'gravel lantern', password_confirm: 'y' }
    expect(await codesOf('reset', '{')).toBeNull()
    const response = await reset.POST(requestTo('x', { headers: json, body: JSON.stringify(forged) }))
    expect([await response.json(), response.headers.get('error-codes')]).toEqual([
      { detail: 'Invalid signature', code: 'signature-invalid' },
      null,
    ])
    const page = await send.POST(requestTo('x', { headers: form, body: 'login=' }))
    expect([page.status, page.headers.get('error-codes')]).toEqual([303, null])
  })

  test('the codes are the same in every language', async () => {
    const sendRequest = (language: string) =>
      send.POST(requestTo('x', { headers: { ...json, 'Accept-Language': language }, body: '{}' }))
    const [german, english] = [await sendRequest('de'), await sendRequest('en')]
    expect(await german.text()).not.toBe(await english.text())
    expect(german.headers.get('error-codes')).toBe(english.headers.get('error-codes'))
  })

  test('all codes are unique tokens, and the tests above received all except one', () => {
    const codes: readonly string[] = fieldErrorCodes
    expect(codes.filter((code) => !/^[a-z]+(-[a-z]+)*$/.test(code))).toEqual([])
    expect(new Set(codes).size).toBe(codes.length)
    // Only a service can report a breached password.
    expect(codes.filter((code) => !seen.has(code))).toEqual(['breached'])
  })
})

import { describe, expect, test } from 'vitest'
import { readResponse } from './api'

const shown = ['password', 'password_confirm'] as const
const read = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  readResponse(
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers }),
    shown,
  )
const refused = (form: string) => ({ ok: false, errors: { form, fields: {} } })

test('success is success, whatever it says', async () => {
  expect(await read(200, { detail: 'Reset link sent' })).toEqual({ ok: true })
})

test('codes reach their fields, and the messages of the body count for nothing [U7]', async () => {
  const headers = { 'Error-Codes': 'password=too-short, password=numeric, password_confirm=mismatch' }
  expect(await read(400, { password: ['This password is too common.'] }, headers)).toEqual({
    ok: false,
    errors: { fields: { password: ['too-short', 'numeric'], password_confirm: ['mismatch'] } },
  })
})

test.each([
  ['of fields that the form does not show', 'user_id=required, timestamp=invalid-integer'],
  ['that this page does not know yet', 'password=too-sweet'],
])('codes %s are a plain refusal', async (_what, codes) => {
  expect(await read(400, { password: ['x'] }, { 'Error-Codes': codes })).toEqual(refused('refused'))
})

test('a dead link is told by its code', async () => {
  expect(await read(400, { detail: 'Signature expired', code: 'signature-expired' })).toEqual(
    refused('signature-expired'),
  )
})

test.each([
  { detail: 'Cross-origin request refused.' },
  { detail: 'x', code: 'toString' },
  { detail: 'throttled' },
])('a refusal without a known code is a plain one: %j', async (body) => {
  expect(await read(403, body)).toEqual(refused('refused'))
})

describe('too many requests [R4]', () => {
  test('say how long to wait', async () => {
    expect(await read(429, { detail: 'x' }, { 'Retry-After': '95' })).toEqual({
      ...refused('throttled'),
      retryAfter: 95,
    })
  })

  test.each(['', '0', '-3', '1.5', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT'])(
    'and a wait of "%s" is taken as a minute',
    async (text) => {
      expect(await read(429, {}, { 'Retry-After': text })).toEqual({
        ...refused('throttled'),
        retryAfter: 60,
      })
    },
  )
})

test.each([
  ['503 with JSON', 503, { detail: 'Service temporarily unavailable.' }],
  ['500 with a page', 500, '<!doctype html>'],
  ["a proxy's page with status 400", 400, '<html>Bad Request</html>'],
  ['JSON that is no object', 400, '[]'],
  ['an object without messages', 400, { password: [] }],
])('%s is a service that is away [F7]', async (_, status, body) => {
  expect(await read(status, body)).toEqual(refused('unavailable'))
})

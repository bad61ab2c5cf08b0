import { describe, expect, test } from 'vitest'
import { readResponse } from './api'

const shown = ['password', 'password_confirm'] as const
const read = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  readResponse(
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers }),
    shown,
  )
const failed = (form: string) => ({ ok: false, errors: { form, fields: {} } })

test('a response 200 counts as success, whatever its message', async () => {
  expect(await read(200, { detail: 'Reset link sent' })).toEqual({ ok: true })
})

test('the codes of a response reach their fields, and its messages are ignored [U7]', async () => {
  const headers = { 'Error-Codes': 'password=too-short, password=numeric, password_confirm=mismatch' }
  expect(await read(400, { password: ['This password is too common.'] }, headers)).toEqual({
    ok: false,
    errors: { fields: { password: ['too-short', 'numeric'], password_confirm: ['mismatch'] } },
  })
})

test.each([
  ['for fields that the form does not show', 'user_id=required, timestamp=invalid-integer'],
  ['that this page does not know yet', 'password=too-sweet'],
])('codes %s lead to the general error', async (_what, codes) => {
  expect(await read(400, { password: ['x'] }, { 'Error-Codes': codes })).toEqual(failed('refused'))
})

test('the error of an expired link is its code', async () => {
  expect(await read(400, { detail: 'Signature expired', code: 'signature-expired' })).toEqual(
    failed('signature-expired'),
  )
})

test.each([
  { detail: 'Cross-origin request refused.' },
  { detail: 'x', code: 'toString' },
  { detail: 'throttled' },
])('a 403 without a known code leads to the general error: %j', async (body) => {
  expect(await read(403, body)).toEqual(failed('refused'))
})

describe('responses beyond a rate limit [R4]', () => {
  test('a 429 has the seconds of Retry-After', async () => {
    expect(await read(429, { detail: 'x' }, { 'Retry-After': '95' })).toEqual({
      ...failed('throttled'),
      retryAfter: 95,
    })
  })

  test.each(['', '0', '-3', '1.5', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT'])(
    'a 429 with the Retry-After "%s" counts as a wait of a minute',
    async (text) => {
      expect(await read(429, {}, { 'Retry-After': text })).toEqual({
        ...failed('throttled'),
        retryAfter: 60,
      })
    },
  )
})

test.each([
  ['503 with JSON', 503, { detail: 'Service temporarily unavailable.' }],
  ['500 with a page', 500, '<!doctype html>'],
  ["a proxy's page with status 400", 400, '<html>Bad Request</html>'],
  ['JSON that is not an object', 400, '[]'],
  ['an object without messages', 400, { password: [] }],
])('%s leads to the error of a service that is unavailable [F7]', async (_, status, body) => {
  expect(await read(status, body)).toEqual(failed('unavailable'))
})

import { describe, expect, test } from 'vitest'
import { readAnswer } from './api'

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  readAnswer(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers }))

test('success is success, whatever it says', async () => {
  expect(await answer(200, { detail: 'Reset link sent' })).toEqual({ kind: 'done' })
})

test('U7: messages of fields reach their fields, in the order in which they came', async () => {
  expect(await answer(400, { password: ['a', 'b'], password_confirm: ['c'] })).toEqual({
    kind: 'fields',
    fields: { password: ['a', 'b'], password_confirm: ['c'] },
  })
})

test('a dead link is told by its code', async () => {
  expect(await answer(400, { detail: 'Signature expired', code: 'signature-expired' })).toEqual({
    kind: 'refused',
    code: 'signature-expired',
    detail: 'Signature expired',
  })
})

test('a refusal without a code keeps its words', async () => {
  expect(await answer(403, { detail: 'Cross-origin request refused.' })).toEqual({
    kind: 'refused',
    code: null,
    detail: 'Cross-origin request refused.',
  })
})

describe('R4: too many requests', () => {
  test('say how long to wait', async () => {
    expect(await answer(429, { detail: 'x' }, { 'Retry-After': '95' })).toEqual({
      kind: 'throttled',
      seconds: 95,
    })
  })

  test.each(['', '0', '-3', '1.5', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT'])(
    'and a wait of "%s" is taken as a minute',
    async (text) => {
      expect(await answer(429, {}, { 'Retry-After': text })).toEqual({ kind: 'throttled', seconds: 60 })
    },
  )
})

test.each([
  ['503 with JSON', 503, { detail: 'Service temporarily unavailable.' }],
  ['500 with a page', 500, '<!doctype html>'],
  ["a proxy's page with status 400", 400, '<html>Bad Request</html>'],
  ['JSON that is no object', 400, '[]'],
  ['an object without messages', 400, { password: [] }],
])('F7: %s is a service that is away', async (_, status, body) => {
  expect(await answer(status, body)).toEqual({ kind: 'unavailable' })
})

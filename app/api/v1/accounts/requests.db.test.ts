import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { form, openEndpoints, own, post, requestTo, type Endpoints } from '@/e2e/support/endpoints'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createLog } from '@/lib/logging/log'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import * as requestLink from '@/app/api/v1/accounts/send-reset-password-link/route'

let endpoints: Endpoints

beforeAll(async () => void (endpoints = await openEndpoints()), 120_000)
beforeEach(() => endpoints.exchange())
afterAll(() => endpoints.close())

describe('a body of more than 16 KiB [I3]', () => {
  const large = JSON.stringify({ login: 'x'.repeat(17_000) })

  test('a body whose declared length is too large gets 413 before it is read', async () => {
    let read = false
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true
          controller.enqueue(new TextEncoder().encode(large))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    await endpoints.expectRefused(post({ 'Content-Length': '17012' }, body), 413)
    expect(read).toBe(false)
  })

  test('a body without a declared length gets 413 as soon as it is too large', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent > 1_000) controller.close()
        else controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    await endpoints.expectRefused(post({}, endless), 413)
    expect(sent).toBeLessThan(30)
  })
})

test.each([
  ['because its client is gone', 'ECONNRESET', 400, 'debug body_cut_off'],
  ['because of a fault', 'ERR_INVALID_STATE', 500, 'error request_failed'],
])('a body that ends early %s (%s) gets %i and the log line "%s"', async (_, code, status, event) => {
  const lines: string[] = []
  const log = createLog('debug', 'test')
  for (const level of ['debug', 'warn', 'error'] as const)
    log[level] = ((line: { event: string }) => void lines.push(`${level} ${line.event}`)) as never
  endpoints.exchange({ log })
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"login":'))
    },
    pull(controller) {
      controller.error(Object.assign(new Error('aborted'), { code }))
    },
  })
  await endpoints.expectRefused(post({}, broken), status)
  expect(lines).toEqual([event])
})

test('an Accept header of more than 1024 characters counts as one that accepts everything [I3]', async () => {
  const images = (length: number) => 'image/png,'.repeat(length / 10)
  await endpoints.expectRefused(post({ Accept: images(1020) }), 406)
  expect((await post({ Accept: images(1030) })).status).toBe(200)
})

test('a body that is not an object gets an error that names its type [I1]', async () => {
  for (const [body, name] of [
    ['[]', 'list'],
    ['"x"', 'str'],
    ['7', 'int'],
    ['true', 'bool'],
  ] as const) {
    const response = await post({}, body)
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining(`but got ${name}`),
    ])
  }
})

test('a body may be nested 32 levels deep, with and without a team’s transformLinkRequest [I1, C14]', async () => {
  const seen: unknown[] = []
  const transformLinkRequest: RekeyConfig['transformLinkRequest'] = (body) => {
    seen.push(body.staff)
    return { login: 'nobody' }
  }
  endpoints.exchange({ configuration: { transformLinkRequest } })
  const nested = (depth: number) => `${'['.repeat(depth)}7${']'.repeat(depth)}`
  for (const depth of [33, 8_000]) {
    const rejected = await post({}, `{"staff":${nested(depth)}}`)
    expect([rejected.status, await rejected.json()]).toEqual([
      400,
      { detail: 'JSON parse error - Nested too deeply' },
    ])
  }
  expect(seen).toEqual([])
  expect((await post({}, `{"staff":${nested(32)}}`)).status).toBe(200)
  expect((await post({}, `{"staff":7}`)).status).toBe(200)
  expect(JSON.stringify(seen[0], (_, one) => (typeof one === 'bigint' ? Number(one) : one))).toBe(nested(32))
  expect(seen[1]).toBe(7n)

  endpoints.exchange()
  expect((await post({}, `{"login":"nobody","staff":${nested(32)}}`)).status).toBe(200)
  expect((await post({}, `{"login":"nobody","staff":${nested(33)}}`)).status).toBe(400)
})

test('a form of a browser without scripts returns to its page with the link in the address, and without typed values [H5, P11]', async () => {
  const link = { user_id: '7', timestamp: '1790000000', signature: 'A'.repeat(86) }
  const typed = { password: 'c4n4ry-typed', login: 'c4n4ry-typed', other: 'c4n4ry-typed' }
  const body = new URLSearchParams({ ...link, ...typed }).toString()
  const response = await reset.POST(requestTo('reset-password', { headers: form, body }))
  const location = response.headers.get('Location')!
  expect(response.status).toBe(303)
  expect(location).not.toContain('c4n4ry')
  expect(Object.fromEntries(new URL(location, own).searchParams)).toEqual({
    ...link,
    error: 'signature-invalid',
  })
})

test('no response of an endpoint may be cached [H3]', async () => {
  for (const response of [
    await post(),
    await post({}, '{'),
    await post({ Origin: 'https://evil.example' }),
    await post(form, 'login=nobody'),
    requestLink.GET(requestTo('send-reset-password-link', { method: 'GET' })),
    requestLink.OPTIONS(requestTo('send-reset-password-link', { method: 'OPTIONS' })),
  ])
    expect(response.headers.get('Cache-Control')).toBe('no-store')
})

import { describe, expect, test } from 'vitest'
import { parseResponse, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront as start, requestSeenIn } from '@/e2e/support/front-server'

describe('headers that reach the app', () => {
  const forgedHeaders = [
    "Content-Security-Policy: script-src 'nonce-evil'",
    "Content-Security-Policy-Report-Only: script-src 'nonce-evil'",
    'X-Nonce: evil',
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Port: 81',
    'X_Forwarded_Host: evil.example',
    'X-Forwarded_For: 6.6.6.6',
    'Forwarded: for=6.6.6.6;host=evil.example;proto=http',
    'X-Real-IP: 6.6.6.6',
    'X-Client-IP: 6.6.6.6',
    'CF-Connecting-IP: 6.6.6.6',
    'True-Client-IP: 6.6.6.6',
    'X-Original-URL: /dev/mailbox/',
    'X-Rewrite-URL: /dev/mailbox/',
    'X-HTTP-Method-Override: DELETE',
    'X-Rekey-Client: 6.6.6.6',
    'X-Rekey-Request-Id: 6.6.6.6',
    'X-Rekey-Forwarded-Count: 6.6.6.6',
    'X-Rekey-Language: evil',
    'X-Middleware-Subrequest: src/middleware:src/middleware',
    'X-Middleware-Prefetch: 1',
    'X-Middleware-Set-Cookie: evil=1',
    'X-Nextjs-Data: 1',
    'X-Matched-Path: /dev/mailbox/',
    'X-Now-Route-Matches: 1=evil',
    'X-Invoke-Path: /dev/mailbox/',
    'X-Invoke-Status: 500',
    'X-Prerender-Revalidate: evil',
    'X-Action-Forwarded: 1',
    'Next-Action: 7f',
    'Next-Router-State-Tree: %5B%5D',
    'Next-Url: /evil',
    'Next-Resume: 1',
    '__proto__: evil',
    'constructor: evil',
  ]
  const ownHeaders = [
    'content-security-policy',
    'host',
    'x-forwarded-proto',
    'x-nonce',
    'x-rekey-client',
    'x-rekey-forwarded-count',
    'x-rekey-request-id',
  ]

  test('no header that Next or the app would trust reaches it from outside [C16, C20]', async () => {
    const { port } = await start()
    const seen = requestSeenIn(
      await sendRequest(port, 'GET /api/v1/anything', [...forgedHeaders, ...forgedHeaders, 'Accept: */*']),
    )
    const expected = ['accept', 'connection', ...ownHeaders].sort()
    expect(Object.keys(seen.headers).sort()).toEqual(expected)
    expect(Object.keys(seen.headersDistinct).sort()).toEqual(expected)
    expect(
      seen.rawHeaders
        .filter((_, at) => at % 2 === 0)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual(expected)
    expect(JSON.stringify(seen)).not.toMatch(/evil|6\.6\.6\.6|mailbox/)
  })

  test.each(forgedHeaders)('the header "%s" does not reach the app [C16, C20]', async (header) => {
    const { port } = await start()
    const seen = requestSeenIn(await sendRequest(port, 'GET /api/v1/anything', [header]))
    expect(Object.keys(seen.headers).sort()).toEqual(['connection', ...ownHeaders].sort())
  })

  test('the language in an address reaches the app if it is well formed, and the header of a client does not', async () => {
    const { port } = await start()
    const languageFor = async (path: string) =>
      requestSeenIn(await sendRequest(port, `GET ${path}`, ['X-Rekey-Language: fr'])).headers[
        'x-rekey-language'
      ]
    expect(await languageFor('/anything/?lang=pt-BR')).toBe('pt-BR')
    expect(await languageFor('/anything/?problem=x&lang=de&signature=y')).toBe('de')
    for (const query of ['', '?lang=', '?lang=de%0d%0aX-Evil:1', '?slang=de', '?x=lang=de', '?lang=../de'])
      expect(await languageFor(`/anything/${query}`), query).toBeUndefined()
  })

  test('the app sees the host of PUBLIC_URL, whatever the Host header names [C8]', async () => {
    const { port } = await start()
    const { text } = await sendBytes(
      port,
      'GET /api/v1/anything HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    )
    const seen = requestSeenIn(parseResponse(text))
    expect(seen.headers.host).toBe('id.example.com')
    expect(seen.headersDistinct.host).toEqual(['id.example.com'])
    expect(text).not.toContain('evil.example')
  })

  test.each([
    ['two Host headers', ['Host: a', 'Host: b']],
    ['the same Host header twice', ['Host: a', 'Host: a']],
    ['no Host header', []],
  ])('a request with %s gets 400 [C8]', async (_, hosts) => {
    const { port, reached } = await start()
    const { text } = await sendBytes(port, ['GET /page HTTP/1.1', ...hosts, '', ''].join('\r\n'))
    expect(parseResponse(text).status).toBe(400)
    expect(reached).toEqual([])
  })

  test('the headers that a handler reads reach it unchanged', async () => {
    const { port } = await start()
    const lines = [
      'Accept: application/json',
      'Accept-Language: de',
      'Origin: https://id.example.com',
      'Sec-Fetch-Site: same-origin',
      'Content-Type: application/json',
      'Content-Length: 2',
      'Authorization: Bearer x',
      'Access-Control-Request-Method: POST',
    ]
    const seen = requestSeenIn(await sendRequest(port, 'POST /api/v1/anything?a=b', lines, '{}'))
    expect(seen.url).toBe('/api/v1/anything?a=b')
    expect(seen.headers).toMatchObject({
      accept: 'application/json',
      'accept-language': 'de',
      origin: 'https://id.example.com',
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
      authorization: 'Bearer x',
      'access-control-request-method': 'POST',
    })
  })
})

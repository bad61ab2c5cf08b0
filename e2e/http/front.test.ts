import { mkdtempSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ask, listen, open, parseAnswer, talk } from '@/e2e/support/raw-http'
import { startTrial as start, seenIn } from '@/e2e/support/front-server'

describe('what reaches the app', () => {
  const lies = [
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
  const told = [
    'content-security-policy',
    'host',
    'x-forwarded-proto',
    'x-nonce',
    'x-rekey-client',
    'x-rekey-forwarded-count',
    'x-rekey-request-id',
  ]

  test('nothing that Next or the app would believe comes from outside [C16, C20]', async () => {
    const { port } = await start()
    const seen = seenIn(await ask(port, 'GET /api/v1/anything', [...lies, ...lies, 'Accept: */*']))
    const expected = ['accept', 'connection', ...told].sort()
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

  test.each(lies)('alone too, `%s` does not get through [C16, C20]', async (lie) => {
    const { port } = await start()
    const seen = seenIn(await ask(port, 'GET /api/v1/anything', [lie]))
    expect(Object.keys(seen.headers).sort()).toEqual(['connection', ...told].sort())
  })

  test('the language that an address asks for reaches the app, and nothing else that it says', async () => {
    const { port } = await start()
    const told = async (path: string) =>
      seenIn(await ask(port, `GET ${path}`, ['X-Rekey-Language: fr'])).headers['x-rekey-language']
    expect(await told('/anything/?lang=pt-BR')).toBe('pt-BR')
    expect(await told('/anything/?problem=x&lang=de&signature=y')).toBe('de')
    for (const query of ['', '?lang=', '?lang=de%0d%0aX-Evil:1', '?slang=de', '?x=lang=de', '?lang=../de'])
      expect(await told(`/anything/${query}`), query).toBeUndefined()
  })

  test('the app sees the public host, whatever Host says [C8]', async () => {
    const { port } = await start()
    const { text } = await talk(
      port,
      'GET /api/v1/anything HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    )
    const seen = seenIn(parseAnswer(text))
    expect(seen.headers.host).toBe('id.example.com')
    expect(seen.headersDistinct.host).toEqual(['id.example.com'])
    expect(text).not.toContain('evil.example')
  })

  test.each([
    ['two hosts', ['Host: a', 'Host: b']],
    ['the same host twice', ['Host: a', 'Host: a']],
    ['no host', []],
  ])('%s are refused [C8]', async (_, hosts) => {
    const { port, reached } = await start()
    const { text } = await talk(port, ['GET /page HTTP/1.1', ...hosts, '', ''].join('\r\n'))
    expect(parseAnswer(text).status).toBe(400)
    expect(reached).toEqual([])
  })

  test('what a handler needs gets through', async () => {
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
    const seen = seenIn(await ask(port, 'POST /api/v1/anything?a=b', lines, '{}'))
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

describe('who the app is told the client is', () => {
  const clientSeen = async (address: number | string, lines: string[]) =>
    seenIn(await ask(address, 'GET /api/v1/anything', lines)).headers['x-rekey-client']

  test('directly, a new X-Forwarded-For with every request changes nothing [R5]', async () => {
    const { port } = await start()
    const seen = new Set<string | undefined>()
    for (let n = 0; n < 20; n += 1) seen.add(await clientSeen(port, [`X-Forwarded-For: 10.9.8.${n}`]))
    expect(seen).toEqual(new Set(['127.0.0.1']))
  })

  test('behind one proxy the entry that the proxy added counts, and no other [R5]', async () => {
    const { port } = await start({ settings: { trustedProxyHops: 1 } })
    const seen = new Set<string | undefined>()
    for (let n = 0; n < 20; n += 1) {
      seen.add(
        await clientSeen(port, [
          `X-Forwarded-For: 10.9.8.${n}`,
          'X-Real-IP: 6.6.6.6',
          'X-Forwarded-For: 203.0.113.9',
        ]),
      )
      seen.add(
        await clientSeen(port, [`X-Forwarded-For: 10.9.8.${n}, 203.0.113.9`, `X_Forwarded_For: 10.9.8.${n}`]),
      )
    }
    expect(seen).toEqual(new Set(['203.0.113.9']))
  })

  test('a flood of header lines cannot push the entry of the proxy out [R5]', async () => {
    const { port, reached } = await start({
      settings: { trustedProxyHops: 1 },
      limits: { maxHeaderSize: 64 * 1024 },
    })
    const flood = [
      'X-Forwarded-For: 6.6.6.6',
      ...Array<string>(2_500).fill('a: b'),
      'X-Forwarded-For: 203.0.113.9',
    ]
    for (const lines of [flood, Array<string>(110).fill('a: b')])
      expect((await ask(port, 'GET /api/v1/anything', lines)).status).toBe(431)
    expect(reached).toEqual([])
  })

  test('on a unix socket everybody is unknown, unless a proxy says who asks [R6]', async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'rekey-front-')), 'a')
    await start({ path: file })
    expect(await clientSeen(file, ['X-Forwarded-For: 203.0.113.9'])).toBe('unknown')
    await start({ path: `${file}b`, settings: { trustedProxyHops: 1 } })
    expect(await clientSeen(`${file}b`, ['X-Forwarded-For: 203.0.113.9'])).toBe('203.0.113.9')
    expect(await clientSeen(`${file}b`, ['X-Forwarded-For: garbage'])).toBe('unknown')
  })

  test('forwarding headers that nobody is trusted to send are warned of, once [R5]', async () => {
    const { port, logged } = await start()
    await ask(port, 'GET /page')
    expect(logged).toEqual([])
    for (let n = 0; n < 3; n += 1) await ask(port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(logged.map((line) => line.event)).toEqual(['forwarding_headers_ignored'])
    expect(JSON.stringify(logged)).not.toContain('203.0.113.9')

    const trusting = await start({ settings: { trustedProxyHops: 1 } })
    await ask(trusting.port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(trusting.logged).toEqual([])
  })

  test('an X-Forwarded-For with fewer addresses than trusted proxies is warned of, once; none at all is not [R5]', async () => {
    const { port, logged } = await start({ settings: { trustedProxyHops: 2 } })
    await ask(port, 'GET /api/health/live')
    await ask(port, 'GET /page', ['X-Forwarded-For: 6.6.6.6, 203.0.113.9'])
    await ask(port, 'GET /page', ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 203.0.113.9'])
    expect(logged).toEqual([])
    for (let n = 0; n < 3; n += 1) await ask(port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(logged.map((line) => line.event)).toEqual(['forwarding_hops_missing'])
    expect(JSON.stringify(logged)).not.toContain('203.0.113.9')
  })

  test('where the trusted proxy says http, request and page are refused rather than redirected [H11]', async () => {
    const { port, reached } = await start({ settings: { trustedProxyHops: 1 } })
    for (const request of ['POST /api/v1/anything', 'GET /page']) {
      for (const said of ['http', 'HTTP', 'https, http']) {
        const answer = await ask(port, request, [`X-Forwarded-Proto: ${said}`])
        expect(answer.status).toBe(403)
        expect(answer.headers.has('location')).toBe(false)
      }
    }
    expect(reached).toEqual([])
    expect((await ask(port, 'GET /page', ['X-Forwarded-Proto: http, https'])).status).toBe(200)
    expect((await ask(port, 'GET /page')).status).toBe(200)
  })

  test('without a trusted proxy, or on a loopback http origin, the header says nothing [H11]', async () => {
    const direct = await start()
    expect((await ask(direct.port, 'GET /page', ['X-Forwarded-Proto: http'])).status).toBe(200)
    const local = await start({ settings: { trustedProxyHops: 1, publicOrigin: 'http://localhost:3000' } })
    expect((await ask(local.port, 'GET /page', ['X-Forwarded-Proto: http'])).status).toBe(200)
  })
})

describe('what goes wrong', () => {
  test('a throw is logged once with the name of its request, and answered without detail [F15, I8]', async () => {
    const { port, logged } = await start()
    const answer = await ask(port, 'GET /throws')
    expect([answer.status, answer.body]).toEqual([500, '{"detail":"Internal server error."}'])
    const errors = logged.filter((line) => line.level === 50)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      event: 'sys_request_failed',
      requestId: answer.headers.get('x-request-id'),
    })
  })

  test('a throw in the middle of an answer cuts it off, so that nobody takes it for whole [F15]', async () => {
    const { port, logged } = await start()
    const { text, closed } = await talk(port, 'GET /throws-late HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(closed).toBe(true)
    expect(text).not.toContain('\r\n0\r\n\r\n')
    expect(text).not.toContain('canary')
    expect(logged.filter((line) => line.level === 50)).toHaveLength(1)
    expect((await ask(port, 'GET /page')).status).toBe(200)
  })

  test('clients that hang up at any moment leave the server as it was [F15]', async () => {
    const { port, connections, logged } = await start()
    const starts = [
      'GET /page HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /api/v1/read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
      'GET /pa',
    ]
    for (let n = 0; n < 60; n += 1) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(starts[n % 3]!)
      if (n % 2 === 0) await new Promise((resolve) => setTimeout(resolve, n % 5))
      socket.resetAndDestroy()
    }
    await expect.poll(connections).toBe(0)
    expect((await ask(port, 'GET /page')).status).toBe(200)
    expect(logged.filter((line) => Number(line.level) > 50)).toEqual([])
  })

  test('a CONNECT whose sender hangs up does no harm [F15, C18]', async () => {
    const { port, connections } = await start()
    for (let n = 0; n < 40; n += 1) {
      const socket = await open(port)
      socket.on('error', () => undefined)
      socket.write('CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n')
      if (n % 2 === 0) await new Promise((resolve) => setTimeout(resolve, n % 4))
      socket.resetAndDestroy()
    }
    await expect.poll(connections).toBe(0)
    expect((await ask(port, 'GET /page')).status).toBe(200)
  })

  test('who keeps sending garbage reads one answer, and is cut off in the end', async () => {
    const { port, connections } = await start({ limits: { lingerTime: 250 } })
    const socket = await open(port, { allowHalfOpen: true })
    socket.on('error', () => undefined)
    const flood = setInterval(() => socket.write('GARBAGE\r\n\r\n'), 20)
    const { text, reset } = await listen(socket, { until: /\r\n\r\n/ })
    expect([parseAnswer(text).status, reset]).toEqual([400, false])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await connections()).toBe(1)
    await expect.poll(connections).toBe(0)
    clearInterval(flood)
  })

  test('bytes after a request in progress never become part of its answer [C18]', async () => {
    const { port } = await start({
      handle: (_, answer) => {
        answer.write('first half ')
        setTimeout(() => answer.end('second half'), 100)
      },
    })
    const socket = await open(port)
    socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n')
    await listen(socket, { until: /first half/ })
    const rest = listen(socket)
    socket.write('GARBAGE\r\n\r\n')
    const { text } = await rest
    expect(text).not.toContain('HTTP/1.1')
  })
})

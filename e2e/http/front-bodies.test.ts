import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createFrontServer } from '@/server/http/front'
import { open, parseResponse, receive, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { smugglingAttempts } from '@/e2e/support/smuggled-requests'
import { startFront as start } from '@/e2e/support/front-server'

const post = (path: string, ...lines: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n')
const chunk = (size: number) => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`

describe('bodies that no handler reads to the end', () => {
  test.each([
    [
      'of declared length, sent whole',
      '/api/v1/ignore',
      ['Content-Length: 10000000'],
      ' '.repeat(10_000_000),
      403,
    ],
    [
      'in chunks, sent whole',
      '/api/v1/read',
      ['Transfer-Encoding: chunked'],
      `${chunk(65_536).repeat(160)}0\r\n\r\n`,
      413,
    ],
    ['of declared length, never sent', '/api/v1/ignore', ['Content-Length: 10000000'], '', 403],
    ['in chunks, never finished', '/api/v1/read', ['Transfer-Encoding: chunked'], chunk(20_000), 413],
    ['for a page, sent whole', '/page', ['Content-Length: 10000000'], ' '.repeat(10_000_000), 405],
  ])(
    'a client that sends a large body %s can read the error before the connection closes [I3]',
    async (_, path, lines, body, status) => {
      const { port, connections } = await start()
      const { text, reset } = await sendBytes(port, post(path, ...lines) + body)
      const response = parseResponse(text)
      expect([response.status, response.headers.get('connection'), reset]).toEqual([status, 'close', false])
      await expect.poll(connections).toBe(0)
    },
  )

  test('a body that goes on slowly after its response is cut off within a time limit [I3]', async () => {
    const { port, connections } = await start({ limits: { lingerTime: 200 } })
    const socket = await open(port, { allowHalfOpen: true })
    socket.on('error', () => undefined)
    // This is more than a handler reads, so the response comes before the end of the body.
    socket.write(post('/api/v1/ignore', 'Transfer-Encoding: chunked') + chunk(20_000))
    const trickle = setInterval(() => socket.write(chunk(10)), 20)
    const { text } = await receive(socket, { until: /refused/ })
    expect(parseResponse(text).status).toBe(403)
    await expect.poll(connections, { timeout: 1_000 }).toBe(0)
    clearInterval(trickle)
  })

  test.each(['/api/v1/read', '/api/v1/ignore'])(
    'a client that sends its whole body before it reads still gets the response of %s [I3]',
    async (target) => {
      const { port } = await start({ limits: { lingerTime: 2_000 } })
      const socket = await open(port, { allowHalfOpen: true })
      socket.pause()
      socket.write(post(target, 'Transfer-Encoding: chunked'))
      const sent = new Promise((resolve) => socket.write(`${chunk(65_536).repeat(320)}0\r\n\r\n`, resolve))
      expect(await sent).toBeFalsy()
      const received = receive(socket)
      socket.resume()
      expect((await received).text).toMatch(/^HTTP\/1\.1 4(13|03) /)
    },
  )

  test('a body without end is cut off at a maximal size, even when the handler goes on reading [I3]', async () => {
    let read = 0
    const { port, connections } = await start({
      limits: { bodyCeiling: 100_000 },
      handle: async (request) => {
        for await (const part of request) read += (part as Buffer).length
      },
    })
    const socket = await open(port)
    socket.on('error', () => undefined)
    socket.write(post('/api/v1/anything', 'Transfer-Encoding: chunked'))
    const flood = setInterval(() => socket.write(chunk(60_000)), 5)
    await expect.poll(connections).toBe(0)
    clearInterval(flood)
    expect(read).toBeLessThanOrEqual(100_000)
  })

  test('the maximal size of a body is 256 KiB by default [I3]', async () => {
    let read = 0
    const { port, connections } = await start({
      handle: async (request) => {
        for await (const part of request) read += (part as Buffer).length
      },
    })
    const socket = await open(port)
    socket.on('error', () => undefined)
    socket.write(post('/api/v1/anything', 'Transfer-Encoding: chunked') + chunk(256 * 1024))
    await expect.poll(() => read).toBe(256 * 1024)
    socket.write(chunk(1))
    await expect.poll(connections).toBe(0)
    expect(read).toBe(256 * 1024)
  })

  test('while forty clients send bodies without end, another gets its page and memory grows by less than 64 MiB [I3]', async () => {
    const { port } = await start()
    const before = process.memoryUsage().rss
    const floods = await Promise.all(Array.from({ length: 40 }, () => open(port)))
    for (const socket of floods) {
      socket.on('error', () => undefined)
      socket.write(post('/api/v1/read', 'Transfer-Encoding: chunked'))
      socket.write(chunk(65_536))
    }
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    for (const socket of floods) socket.destroy()
  })

  test.each([
    ['Content-Encoding: gzip'],
    ['Content-Encoding: br'],
    ['Content-Encoding: identity, gzip'],
    ['Transfer-Encoding: gzip, chunked'],
  ])('a body with %s is rejected with 415 [I3]', async (line) => {
    const { port, reached } = await start()
    const lines = line.startsWith('Transfer') ? [line] : [line, 'Content-Length: 2']
    const response = await sendRequest(
      port,
      'POST /api/v1/read',
      lines,
      line.startsWith('Transfer') ? '0\r\n\r\n' : '{}',
    )
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'identity'])
    expect(reached).toEqual([])
  })

  test('the connection of an ordinary body stays open for the next request', async () => {
    const { port } = await start({
      handle: async (request, response) => {
        let size = 0
        for await (const part of request) size += (part as Buffer).length
        response.end(`size ${size};`)
      },
    })
    const one = `${post('/api/v1/read', 'Content-Length: 2')}{}`
    const { text } = await sendBytes(port, one + one, { until: /size 2;[^]*size 2;/ })
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(text).not.toContain('close')
  })

  test('a client that expects 100 Continue gets it, unless its body will not be read (RFC 9110 §10.1.1)', async () => {
    const { port } = await start()
    const small = await open(port)
    small.write(post('/api/v1/read', 'Content-Length: 2', 'Expect: 100-continue'))
    expect((await receive(small, { until: /100 Continue/ })).text).toContain('100 Continue')
    small.write('{}')
    expect((await receive(small, { until: /\r\n\r\n2/ })).text).toContain('200 OK')
    small.destroy()
    const large = await sendBytes(
      port,
      post('/api/v1/ignore', 'Content-Length: 9000000', 'Expect: 100-continue'),
    )
    expect(parseResponse(large.text).status).toBe(403)
    expect(large.text).not.toContain('100 Continue')
    const rejected = await sendBytes(port, post('/page', 'Content-Length: 2', 'Expect: 100-continue'))
    expect(parseResponse(rejected.text).status).toBe(405)
  })
})

describe('request smuggling', () => {
  const inner = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

  test.each([
    ...smugglingAttempts('/api/v1/read', inner),
    ['the form of HTTP/0.9', 'GET /smuggled\r\n'],
    ['two HTTP versions', 'GET /smuggled HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('a request with %s does not smuggle a second one [C18]', async (_, bytes) => {
    const { port, reached, connections } = await start({
      limits: { headersTimeout: 300, requestTimeout: 400, keepAliveTimeout: 300 },
    })
    const { text } = await sendBytes(port, bytes, { timeout: 1_500 })
    expect(reached.filter((request) => request.includes('smuggled'))).toEqual([])
    expect(text.match(/HTTP\/1\.1 200/g) ?? []).toEqual([])
    await expect.poll(connections).toBe(0)
  })

  test('two well-formed requests on one connection both reach the app, so the tests above can fail', async () => {
    const { port, reached } = await start()
    await sendBytes(port, post('/api/v1/read', 'Content-Length: 0') + inner, { until: /smuggled/ })
    expect(reached).toEqual(['POST /api/v1/read', 'GET /smuggled'])
  })
})

describe('pipelined requests [C14]', () => {
  const line = (count: number) => 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count)

  test('a client that sends eight requests at once gets eight responses', async () => {
    const { port, reached } = await start()
    const { text } = await sendBytes(port, line(8), { until: /(<p>page[^]*){8}/ })
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(8)
    expect(reached).toHaveLength(8)
  })

  test('a client that sends five thousand requests at once loses its connection, and others get responses', async () => {
    const { port, reached, logged, connections } = await start({
      handle: (_, response) => void setTimeout(() => response.end('late'), 200),
    })
    const { text, closed } = await sendBytes(port, line(5_000))
    expect([text, closed]).toEqual(['', true])
    expect(reached.length).toBeLessThanOrEqual(1)
    expect((await sendRequest(port, 'GET /page')).body).toBe('late')
    await expect.poll(connections).toBe(0)
    expect(logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  })
})

describe('slow clients', () => {
  test('the default time limits are 15 seconds for headers, 30 for a request and 75 for an idle connection [I3]', () => {
    const { server } = createFrontServer({
      settings: {
        mode: 'production',
        publicOrigin: 'https://id.example.com',
        allowedOrigins: [],
        basePath: '',
        hsts: 'host',
        trustedProxyHops: 0,
      },
      log: pino({ level: 'silent' }),
      handle: () => undefined,
    })
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = server
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout }).toEqual({
      headersTimeout: 15_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 75_000,
      timeout: 60_000,
    })
  })

  const quick = {
    headersTimeout: 200,
    requestTimeout: 400,
    checkInterval: 50,
    keepAliveTimeout: 300,
    lingerTime: 100,
  }

  test.each([
    ['nothing', '', { requestTimeout: 60_000 }],
    ['half a request line', 'GET /pa', { requestTimeout: 60_000 }],
    ['half a head', 'GET /page HTTP/1.1\r\nHost: a\r\n', { requestTimeout: 60_000 }],
    ['half a body', post('/api/v1/read', 'Content-Length: 10') + '{', {}],
  ])(
    'a client that sends %s and then waits gets 408, and its connection is closed [I3]',
    async (_, bytes, longer) => {
      const { port, connections } = await start({ limits: { ...quick, ...longer } })
      const { text, closed } = await sendBytes(port, bytes, { timeout: 2_000 })
      expect([parseResponse(text).status, closed]).toEqual([408, true])
      await expect.poll(connections).toBe(0)
    },
  )

  test('fifty clients that send headers a byte at a time are cut off, and another gets its page meanwhile [I3]', async () => {
    const { port, connections } = await start({ limits: quick })
    const slow = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    for (const socket of slow) socket.on('error', () => undefined)
    const drip = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('G')), 20)
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
    await expect.poll(connections, { timeout: 2_000 }).toBe(0)
    clearInterval(drip)
  })

  test('an idle connection is closed after the keep-alive time [I3]', async () => {
    const { port, connections } = await start({ limits: quick })
    const { text, closed } = await sendBytes(port, 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n', {
      timeout: 4_000,
    })
    expect([parseResponse(text).status, closed]).toEqual([200, true])
    await expect.poll(connections).toBe(0)
  })

  test('a connection whose client does not read the response is closed [I3]', async () => {
    const { port, connections } = await start({
      limits: { ...quick, idleTimeout: 300 },
      handle: (_, response) => void response.end('x'.repeat(20_000_000)),
    })
    const socket = await open(port)
    socket.pause()
    socket.on('error', () => undefined)
    socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n')
    await expect.poll(connections, { timeout: 3_000 }).toBe(1)
    await expect.poll(connections, { timeout: 3_000 }).toBe(0)
    socket.destroy()
  })
})

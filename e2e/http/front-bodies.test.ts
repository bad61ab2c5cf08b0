import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createFrontServer } from '@/server/http/front'
import { ask, listen, open, parseAnswer, talk } from '@/e2e/support/raw-http'
import { startTrial as start } from '@/e2e/support/front-server'

const post = (path: string, ...lines: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n')
const chunk = (size: number) => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`

describe('bodies nobody wants', () => {
  test.each([
    ['declared, all of it sent', '/api/v1/ignore', ['Content-Length: 10000000'], ' '.repeat(10_000_000), 403],
    [
      'chunked, all of it sent',
      '/api/v1/read',
      ['Transfer-Encoding: chunked'],
      `${chunk(65_536).repeat(160)}0\r\n\r\n`,
      413,
    ],
    ['declared, never sent', '/api/v1/ignore', ['Content-Length: 10000000'], '', 403],
    ['chunked, never finished', '/api/v1/read', ['Transfer-Encoding: chunked'], chunk(20_000), 413],
    ['sent to a page', '/page', ['Content-Length: 10000000'], ' '.repeat(10_000_000), 405],
  ])(
    'of a body %s, the client reads the answer and the connection ends [I3]',
    async (_, path, lines, body, status) => {
      const { port, connections } = await start()
      const { text, reset } = await talk(port, post(path, ...lines) + body)
      const answer = parseAnswer(text)
      expect([answer.status, answer.headers.get('connection'), reset]).toEqual([status, 'close', false])
      await expect.poll(connections).toBe(0)
    },
  )

  test('a body that trickles on after its answer is cut off within the linger time [I3]', async () => {
    const { port, connections } = await start({ limits: { lingerTime: 200 } })
    const socket = await open(port, { allowHalfOpen: true })
    socket.on('error', () => undefined)
    // More than a handler reads: it is answered before the body is there.
    socket.write(post('/api/v1/ignore', 'Transfer-Encoding: chunked') + chunk(20_000))
    const trickle = setInterval(() => socket.write(chunk(10)), 20)
    const { text } = await listen(socket, { until: /refused/ })
    expect(parseAnswer(text).status).toBe(403)
    await expect.poll(connections, { timeout: 1_000 }).toBe(0)
    clearInterval(trickle)
  })

  test.each(['/api/v1/read', '/api/v1/ignore'])(
    'a client that reads only when it has sent everything still gets its answer from %s [I3]',
    async (target) => {
      const { port } = await start({ limits: { lingerTime: 2_000 } })
      const socket = await open(port, { allowHalfOpen: true })
      socket.pause()
      socket.write(post(target, 'Transfer-Encoding: chunked'))
      const sent = new Promise((resolve) => socket.write(`${chunk(65_536).repeat(320)}0\r\n\r\n`, resolve))
      expect(await sent).toBeFalsy()
      const answered = listen(socket)
      socket.resume()
      expect((await answered).text).toMatch(/^HTTP\/1\.1 4(13|03) /)
    },
  )

  test('a body without end that somebody goes on reading ends at the ceiling [I3]', async () => {
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

  test('the ceiling is 256 KiB unless told otherwise [I3]', async () => {
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

  test('while bodies without end pour in, others are served and memory stays flat [I3]', async () => {
    const { port } = await start()
    const before = process.memoryUsage().rss
    const floods = await Promise.all(Array.from({ length: 40 }, () => open(port)))
    for (const socket of floods) {
      socket.on('error', () => undefined)
      socket.write(post('/api/v1/read', 'Transfer-Encoding: chunked'))
      socket.write(chunk(65_536))
    }
    expect((await ask(port, 'GET /page')).status).toBe(200)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    for (const socket of floods) socket.destroy()
  })

  test.each([
    ['Content-Encoding: gzip'],
    ['Content-Encoding: br'],
    ['Content-Encoding: identity, gzip'],
    ['Transfer-Encoding: gzip, chunked'],
  ])('compressed bodies are refused (%s) [I3]', async (line) => {
    const { port, reached } = await start()
    const lines = line.startsWith('Transfer') ? [line] : [line, 'Content-Length: 2']
    const answer = await ask(
      port,
      'POST /api/v1/read',
      lines,
      line.startsWith('Transfer') ? '0\r\n\r\n' : '{}',
    )
    expect([answer.status, answer.headers.get('accept-encoding')]).toEqual([415, 'identity'])
    expect(reached).toEqual([])
  })

  test('an ordinary body leaves the connection open for the next request', async () => {
    const { port } = await start({
      handle: async (request, answer) => {
        let size = 0
        for await (const part of request) size += (part as Buffer).length
        answer.end(`size ${size};`)
      },
    })
    const one = `${post('/api/v1/read', 'Content-Length: 2')}{}`
    const { text } = await talk(port, one + one, { until: /size 2;[^]*size 2;/ })
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(text).not.toContain('close')
  })

  test('RFC 9110 §10.1.1: who asks before sending is told to go on, unless the body is too large anyway', async () => {
    const { port } = await start()
    const small = await open(port)
    small.write(post('/api/v1/read', 'Content-Length: 2', 'Expect: 100-continue'))
    expect((await listen(small, { until: /100 Continue/ })).text).toContain('100 Continue')
    small.write('{}')
    expect((await listen(small, { until: /\r\n\r\n2/ })).text).toContain('200 OK')
    small.destroy()
    const large = await talk(port, post('/api/v1/ignore', 'Content-Length: 9000000', 'Expect: 100-continue'))
    expect(parseAnswer(large.text).status).toBe(403)
    expect(large.text).not.toContain('100 Continue')
    const refused = await talk(port, post('/page', 'Content-Length: 2', 'Expect: 100-continue'))
    expect(parseAnswer(refused.text).status).toBe(405)
  })
})

describe('requests that are two at once', () => {
  const inner = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const withBody = (lines: string[], body: string) =>
    ['POST /api/v1/read HTTP/1.1', 'Host: a', ...lines, '', body].join('\r\n')

  test.each([
    [
      'CL.TE',
      withBody([`Content-Length: ${inner.length + 5}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n${inner}`),
    ],
    [
      'TE.CL',
      withBody(
        ['Transfer-Encoding: chunked', 'Content-Length: 4'],
        `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
      ),
    ],
    ['two lengths', withBody(['Content-Length: 0', `Content-Length: ${inner.length}`], inner)],
    ['two equal lengths', withBody(['Content-Length: 0', 'Content-Length: 0'], inner)],
    ['a list of lengths', withBody([`Content-Length: 0, ${inner.length}`], inner)],
    ['a signed length', withBody(['Content-Length: +0'], inner)],
    ['a hexadecimal length', withBody(['Content-Length: 0x0'], inner)],
    ['a length without digits', withBody(['Content-Length:'], inner)],
    ['TE.TE', withBody(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${inner}`)],
    ['chunked not last', withBody(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${inner}`)],
    ['chunked misspelt', withBody(['Transfer-Encoding: xchunked'], `0\r\n\r\n${inner}`)],
    ['a space before the colon', withBody(['Transfer-Encoding : chunked'], `0\r\n\r\n${inner}`)],
    ['a tab before the colon', withBody(['Transfer-Encoding\t: chunked'], `0\r\n\r\n${inner}`)],
    ['a folded line', withBody(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${inner}`)],
    ['a folded line of another kind', withBody(['X-A: b', ' Content-Length: 5', 'Content-Length: 0'], inner)],
    ['a bare LF in the head', `POST /api/v1/read HTTP/1.1\nHost: a\nContent-Length: 0\n\n${inner}`],
    ['a bare CR in a value', withBody(['X-A: b\rTransfer-Encoding: chunked', 'Content-Length: 0'], inner)],
    ['a NUL in a value', withBody(['X-A: b\0', 'Content-Length: 0'], inner)],
    ['a chunk of negative size', withBody(['Transfer-Encoding: chunked'], `-1\r\n\r\n0\r\n\r\n${inner}`)],
    ['a chunk ended by LF', withBody(['Transfer-Encoding: chunked'], `1\nx\n0\n\n${inner}`)],
    ['a chunk with 0x', withBody(['Transfer-Encoding: chunked'], `0x1\r\nx\r\n0\r\n\r\n${inner}`)],
    ['a chunk of immense size', withBody(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${inner}`)],
    [
      'a chunk extension with a line end',
      withBody(['Transfer-Encoding: chunked'], `1;a\nb\r\nx\r\n0\r\n\r\n${inner}`),
    ],
    [
      'HTTP/1.0 with chunks',
      `POST /api/v1/read HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inner}`,
    ],
    ['HTTP/0.9', 'GET /smuggled\r\n'],
    ['HTTP/1.2 in two', 'GET /smuggled HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('%s does not let a second request through [C18]', async (_, bytes) => {
    const { port, reached, connections } = await start({
      limits: { headersTimeout: 300, requestTimeout: 400, keepAliveTimeout: 300 },
    })
    const { text } = await talk(port, bytes, { patience: 1_500 })
    expect(reached.filter((request) => request.includes('smuggled'))).toEqual([])
    expect(text.match(/HTTP\/1\.1 200/g) ?? []).toEqual([])
    await expect.poll(connections).toBe(0)
  })

  test('two plain requests in one go are two requests: the tests above can fail', async () => {
    const { port, reached } = await start()
    await talk(port, withBody(['Content-Length: 0'], inner), { until: /smuggled/ })
    expect(reached).toEqual(['POST /api/v1/read', 'GET /smuggled'])
  })
})

describe('requests sent before the first is answered [C14]', () => {
  const line = (count: number) => 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count)

  test('are answered in their order, a few of them', async () => {
    const { port, reached } = await start()
    const { text } = await talk(port, line(8), { until: /(<p>page[^]*){8}/ })
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(8)
    expect(reached).toHaveLength(8)
  })

  test('end the connection where they are many, and reach the app no more; others are served', async () => {
    const { port, reached, logged, connections } = await start({
      handle: (_, answer) => void setTimeout(() => answer.end('late'), 200),
    })
    const { text, closed } = await talk(port, line(5_000))
    expect([text, closed]).toEqual(['', true])
    expect(reached.length).toBeLessThanOrEqual(1)
    expect((await ask(port, 'GET /page')).body).toBe('late')
    await expect.poll(connections).toBe(0)
    expect(logged.filter(({ level }) => Number(level) > 30)).toEqual([])
  })
})

describe('clients that take their time', () => {
  test('have this long unless told otherwise [I3]', () => {
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
    'a client that sends %s and then waits gets 408 and loses the connection [I3]',
    async (_, bytes, longer) => {
      const { port, connections } = await start({ limits: { ...quick, ...longer } })
      const { text, closed } = await talk(port, bytes, { patience: 2_000 })
      expect([parseAnswer(text).status, closed]).toEqual([408, true])
      await expect.poll(connections).toBe(0)
    },
  )

  test('a head that arrives a byte at a time does not hold a connection, and others are served meanwhile [I3]', async () => {
    const { port, connections } = await start({ limits: quick })
    const slow = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    for (const socket of slow) socket.on('error', () => undefined)
    const drip = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('G')), 20)
    expect((await ask(port, 'GET /page')).status).toBe(200)
    await expect.poll(connections, { timeout: 2_000 }).toBe(0)
    clearInterval(drip)
  })

  test('an idle connection is closed after the keep-alive time [I3]', async () => {
    const { port, connections } = await start({ limits: quick })
    const { text, closed } = await talk(port, 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n', { patience: 4_000 })
    expect([parseAnswer(text).status, closed]).toEqual([200, true])
    await expect.poll(connections).toBe(0)
  })

  test('an answer that nobody fetches does not stay for ever [I3]', async () => {
    const { port, connections } = await start({
      limits: { ...quick, idleTimeout: 300 },
      handle: (_, answer) => void answer.end('x'.repeat(20_000_000)),
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

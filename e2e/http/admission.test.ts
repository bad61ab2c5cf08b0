import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { admissionLimits } from '@/server/http/admission'
import type { FrontLimits } from '@/server/http/front'
import { open, parseResponse, receive, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront } from '@/e2e/support/front-server'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

const one = { working: 1, workingPerClient: 1, waiting: 4, waitingPerClient: 2 }
const queues = { page: one, api: one, health: one, metrics: one }

/** Starts a server whose pages respond when the test calls `end`; all else responds at once. */
async function start(limits: Partial<FrontLimits> = {}, options: Parameters<typeof startFront>[0] = {}) {
  const pending = new Map<string, ServerResponse>()
  const front = await startFront({
    ...options,
    limits: { queues, ...limits },
    handle: (request: IncomingMessage, response: ServerResponse) => {
      if (!request.url!.startsWith('/page')) return void response.end('at once')
      const { promise, resolve } = Promise.withResolvers<void>()
      pending.set(request.url!, response)
      response.once('finish', resolve)
      return promise
    },
  })
  /** Does not wait for the response. */
  const send = async (target: string, ...headers: string[]) => {
    const socket = await open(front.port)
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write([`GET ${target} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n'))
    return socket
  }
  /** Waits until the server has read the requests so far: a later one of another client gets a response. */
  const untilRead = () => sendRequest(front.port, 'GET /api/health/live', ['X-Forwarded-For: 198.51.100.7'])
  const untilBegun = (count: number) => expect.poll(() => pages().length).toBe(count)
  const pages = () => front.reached.filter((request) => request.includes('/page'))
  return {
    ...front,
    pending,
    send,
    untilBegun,
    pages,
    untilRead,
    end: (target: string) => pending.get(target)!.end('done'),
  }
}

const from = (client: string) => `X-Forwarded-For: ${client}`
const proxied = { settings: { trustedProxyHops: 1 } }

describe('more requests than a process handles [R9]', () => {
  test('a request too many gets 503 at once, with security headers and a time to retry after [R9]', async () => {
    const { send, untilBegun, port, logged } = await start()
    await send('/page/1')
    await untilBegun(1)
    await send('/page/2')
    await send('/page/3')
    const { text, closed } = await sendBytes(port, 'GET /page/4 HTTP/1.1\r\nHost: a\r\n\r\n')
    const response = parseResponse(text)
    expect([response.status, response.body, closed]).toEqual([
      503,
      '{"detail":"Service temporarily unavailable."}',
      true,
    ])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'retry-after': '5',
      connection: 'close',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
    })
    expect(logged.filter(({ event }) => event === 'requests_refused')).toMatchObject([{ reason: 'busy' }])
  })

  test('a front end of an allowed origin can read the 503 of a busy server [R9]', async () => {
    const origin = 'https://shop.example'
    const limits = { queues: { ...queues, api: { ...one, waitingPerClient: 0 } } }
    const { port } = await start(limits, { settings: { allowedOrigins: [origin] } })
    const { status, headers } = await sendRequest(port, 'POST /api/v1/x', [
      'Content-Length: 0',
      `Origin: ${origin}`,
    ])
    expect([status, headers.get('access-control-allow-origin')]).toEqual([503, origin])
  })

  test('the next request of another client overtakes those that one IPv6 network has waiting [R9]', async () => {
    const { send, untilBegun, pages, untilRead, end } = await start({}, proxied)
    await send('/page/1', from('2001:db8::1'))
    await untilBegun(1)
    await send('/page/2', from('2001:db8::2'))
    await send('/page/3', from('2001:db8::3'))
    const rejected = receive(await send('/page/4', from('2001:db8::4')), { until: /\}$/ })
    expect(parseResponse((await rejected).text).status).toBe(503)
    await send('/page/other', from('203.0.113.9'))
    await untilRead()
    end('/page/1')
    await untilBegun(2)
    end(pages()[1]!.slice(4))
    await untilBegun(3)
    expect(pages()[2]).toBe('GET /page/other')
  })

  test('health checks and endpoints respond while pages wait [R9]', async () => {
    const { send, untilBegun, port } = await start()
    for (const target of ['/page/1', '/page/2', '/page/3']) await send(target)
    await untilBegun(1)
    expect((await sendRequest(port, 'GET /api/health/live')).body).toBe('at once')
    expect((await sendRequest(port, 'GET /api/health/ready/')).body).toBe('at once')
    expect((await sendRequest(port, 'GET /api/v1/x')).body).toBe('at once')
  })

  test('a health check beyond the limit of its own queue gets 503 [R9]', async () => {
    const limits = { queues: { ...queues, health: { ...one, waitingPerClient: 0 } } }
    const { port, reached } = await start(limits)
    expect((await sendRequest(port, 'GET /api/health/live')).status).toBe(503)
    expect(reached).toEqual([])
  })

  test('a request that waits too long gets 503 and leaves the queue [R9]', async () => {
    const { send, untilBegun, pages, end } = await start({ longestWait: 100 })
    await send('/page/1')
    await untilBegun(1)
    const { text } = await receive(await send('/page/2'), { until: /\}$/ })
    expect(parseResponse(text).status).toBe(503)
    end('/page/1')
    await send('/page/3')
    await untilBegun(2)
    expect(pages()).toEqual(['GET /page/1', 'GET /page/3'])
  })

  test('a request that waits when the server closes still gets its response [R9, F9]', async () => {
    const { send, untilBegun, end, close } = await start()
    await send('/page/1')
    await untilBegun(1)
    const received = receive(await send('/page/2'))
    const closing = close()
    end('/page/1')
    await untilBegun(2)
    end('/page/2')
    const { status, headers } = parseResponse((await received).text)
    expect([status, headers.get('connection')]).toEqual([200, 'close'])
    await closing
  })
})

describe('clients that close their connection [R9]', () => {
  test('a waiting request leaves the queue when its connection closes [R9]', async () => {
    const { send, untilBegun, pages, untilRead, end, connections } = await start()
    await send('/page/1')
    await untilBegun(1)
    const gone = [await send('/page/2'), await send('/page/3')]
    await untilRead()
    for (const socket of gone) socket.destroy()
    await expect.poll(connections).toBe(1)
    await send('/page/4')
    end('/page/1')
    await untilBegun(2)
    expect(pages()).toEqual(['GET /page/1', 'GET /page/4'])
  })

  test('a request in progress counts until its handler returns, even when its client is gone [R9]', async () => {
    const { send, untilBegun, pages, untilRead, pending, connections } = await start()
    const gone = await send('/page/1')
    await untilBegun(1)
    gone.destroy()
    await expect.poll(connections).toBe(0)
    await send('/page/2')
    await send('/page/3')
    await untilRead()
    expect(pages()).toEqual(['GET /page/1'])
    pending.get('/page/1')!.emit('finish') // the handler returns
    await untilBegun(2)
  })

  test('a request whose handler never returns stops counting after a time limit [R9]', async () => {
    const { send, untilBegun } = await start({ longestWork: 100 })
    await send('/page/1')
    await send('/page/2')
    await untilBegun(2)
  })
})

describe('slow clients [R9]', () => {
  test('a request whose body is incomplete does not keep other requests waiting [R9]', async () => {
    const { port, reached } = await start()
    const slow = await open(port)
    sockets.push(slow)
    slow.write('POST /api/v1/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    expect((await sendRequest(port, 'GET /api/v1/x')).body).toBe('at once')
    expect(reached).toEqual(['GET /api/v1/x'])
    slow.write('12345')
    expect((await receive(slow, { until: /at once/ })).text).toContain('at once')
  })

  test('a response that its client does not read does not keep other requests waiting [R9]', async () => {
    const { send, untilBegun, pending } = await start()
    const reader = await send('/page/1')
    reader.pause()
    await untilBegun(1)
    const response = pending.get('/page/1')!
    while (response.write('x'.repeat(65_536)));
    await send('/page/2')
    await untilBegun(2)
  })
})

describe('pipelined requests [R9]', () => {
  test('the second request on a connection begins when the first has its response [R9]', async () => {
    const { port, reached, untilBegun, end } = await start({
      queues: { ...queues, page: { ...one, working: 9, workingPerClient: 9 } },
    })
    const socket = await open(port)
    sockets.push(socket)
    socket.write(['/page/1', '/page/2'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    await untilBegun(1)
    expect((await sendRequest(port, 'GET /other')).body).toBe('at once')
    expect(reached).toEqual(['GET /page/1', 'GET /other'])
    end('/page/1')
    await untilBegun(2)
  })

  test('a request that follows a 503 on the same connection is not begun [R9]', async () => {
    const { send, untilBegun, port, reached } = await start()
    for (const target of ['/page/1', '/page/2', '/page/3']) await send(target)
    await untilBegun(1)
    const { text, closed } = await sendBytes(
      port,
      'GET /page/4 HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/x HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    expect([text.match(/HTTP\/1\.1 \d+/g), closed]).toEqual([['HTTP/1.1 503'], true])
    expect(reached).toEqual(['GET /page/1'])
  })
})

describe('connections of one client [R9]', () => {
  test('a client at its limit of connections loses an idle one when it opens another [R9]', async () => {
    const { port, connections } = await start({ connectionsPerClient: 2 })
    const idle = await open(port)
    sockets.push(idle)
    idle.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
    await receive(idle, { until: /at once/ })
    sockets.push(await open(port))
    await expect.poll(connections).toBe(2)
    const ended = receive(idle)
    expect((await sendRequest(port, 'GET /other')).body).toBe('at once')
    expect((await ended).closed).toBe(true)
  })

  test('a client whose connections are all busy gets 503 on a new one, before its request is read [R9]', async () => {
    const { port, reached, send, untilBegun } = await start({ connectionsPerClient: 1 })
    await send('/page/1')
    await untilBegun(1)
    const { status, headers } = await sendRequest(port, 'GET /api/health/live')
    expect([status, headers.get('retry-after'), headers.get('x-frame-options')]).toEqual([503, '5', 'DENY'])
    expect(reached).toEqual(['GET /page/1'])
  })

  test('the connections of a trusted proxy are not counted, because they carry all clients [R9]', async () => {
    const { port, send, untilBegun } = await start({ connectionsPerClient: 1 }, proxied)
    await send('/page/1', from('203.0.113.9'))
    await untilBegun(1)
    expect((await sendRequest(port, 'GET /api/v1/x', [from('203.0.113.9')])).body).toBe('at once')
  })
})

test('the default limits never let one client use all of a queue, neither its working nor its waiting part [R9]', () => {
  for (const { working, workingPerClient, waiting, waitingPerClient } of Object.values(
    admissionLimits.queues,
  )) {
    expect(workingPerClient).toBeLessThan(working)
    expect(waitingPerClient).toBeLessThan(waiting)
  }
})

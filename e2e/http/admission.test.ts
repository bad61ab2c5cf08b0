import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { admissionLimits } from '@/server/http/admission'
import type { FrontLimits } from '@/server/http/front'
import { ask, listen, open, parseAnswer, talk } from '@/e2e/support/raw-http'
import { startTrial } from '@/e2e/support/front-server'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

const one = { working: 1, workingPerClient: 1, waiting: 4, waitingPerClient: 2 }
const queues = { page: one, api: one, health: one, metrics: one }

/** A server whose pages are answered when the test says so. */
async function start(limits: Partial<FrontLimits> = {}, options: Parameters<typeof startTrial>[0] = {}) {
  const held = new Map<string, ServerResponse>()
  const trial = await startTrial({
    ...options,
    limits: { queues, ...limits },
    handle: (request: IncomingMessage, answer: ServerResponse) => {
      if (!request.url!.startsWith('/page')) return void answer.end('at once')
      const { promise, resolve } = Promise.withResolvers<void>()
      held.set(request.url!, answer)
      answer.once('finish', resolve)
      return promise
    },
  })
  /** Sends a request on a connection of its own, and does not wait for the answer. */
  const send = async (target: string, ...headers: string[]) => {
    const socket = await open(trial.port)
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write([`GET ${target} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n'))
    return socket
  }
  /** Resolves when the server has read what was sent: a later request, of another kind and client, is answered. */
  const arrived = () => ask(trial.port, 'GET /api/health/live', ['X-Forwarded-For: 198.51.100.7'])
  const begun = (count: number) => expect.poll(() => pages().length).toBe(count)
  /** Pages that were begun, in their order. */
  const pages = () => trial.reached.filter((request) => request.includes('/page'))
  return {
    ...trial,
    held,
    send,
    begun,
    pages,
    arrived,
    end: (target: string) => held.get(target)!.end('done'),
  }
}

const from = (client: string) => `X-Forwarded-For: ${client}`
const proxied = { settings: { trustedProxyHops: 1 } }

describe('more requests than a process works on [R9]', () => {
  test('the rest are refused at once, as other refusals are, and are told when to come back [R9]', async () => {
    const { send, begun, port, logged } = await start()
    await send('/page/1')
    await begun(1)
    await send('/page/2')
    await send('/page/3')
    const { text, closed } = await talk(port, 'GET /page/4 HTTP/1.1\r\nHost: a\r\n\r\n')
    const answer = parseAnswer(text)
    expect([answer.status, answer.body, closed]).toEqual([
      503,
      '{"detail":"Service temporarily unavailable."}',
      true,
    ])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'retry-after': '5',
      connection: 'close',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
    })
    expect(logged.filter(({ event }) => event === 'requests_refused')).toMatchObject([{ reason: 'busy' }])
  })

  test('an allowed origin can read the refusal of its request [R9]', async () => {
    const origin = 'https://shop.example'
    const limits = { queues: { ...queues, api: { ...one, waitingPerClient: 0 } } }
    const { port } = await start(limits, { settings: { allowedOrigins: [origin] } })
    const { status, headers } = await ask(port, 'POST /api/v1/x', ['Content-Length: 0', `Origin: ${origin}`])
    expect([status, headers.get('access-control-allow-origin')]).toEqual([503, origin])
  })

  test('another client is next, however many of the first wait; an IPv6 network is one client [R9]', async () => {
    const { send, begun, pages, arrived, end } = await start({}, proxied)
    await send('/page/1', from('2001:db8::1'))
    await begun(1)
    await send('/page/2', from('2001:db8::2'))
    await send('/page/3', from('2001:db8::3'))
    const refused = listen(await send('/page/4', from('2001:db8::4')), { until: /\}$/ })
    expect(parseAnswer((await refused).text).status).toBe(503)
    await send('/page/other', from('203.0.113.9'))
    await arrived()
    end('/page/1')
    await begun(2)
    end(pages()[1]!.slice(4))
    await begun(3)
    expect(pages()[2]).toBe('GET /page/other')
  })

  test('health checks and the endpoints wait for no page, and no page waits for them [R9]', async () => {
    const { send, begun, port } = await start()
    for (const target of ['/page/1', '/page/2', '/page/3']) await send(target)
    await begun(1)
    expect((await ask(port, 'GET /api/health/live')).body).toBe('at once')
    expect((await ask(port, 'GET /api/health/ready/')).body).toBe('at once')
    expect((await ask(port, 'GET /api/v1/x')).body).toBe('at once')
  })

  test('a burst of health checks is bounded as well [R9]', async () => {
    const limits = { queues: { ...queues, health: { ...one, waitingPerClient: 0 } } }
    const { port, reached } = await start(limits)
    expect((await ask(port, 'GET /api/health/live')).status).toBe(503)
    expect(reached).toEqual([])
  })

  test('who waits too long is refused, and takes no place any more [R9]', async () => {
    const { send, begun, pages, end } = await start({ longestWait: 100 })
    await send('/page/1')
    await begun(1)
    const { text } = await listen(await send('/page/2'), { until: /\}$/ })
    expect(parseAnswer(text).status).toBe(503)
    end('/page/1')
    await send('/page/3')
    await begun(2)
    expect(pages()).toEqual(['GET /page/1', 'GET /page/3'])
  })

  test('what waits when the server goes is still answered [R9, F9]', async () => {
    const { send, begun, end, close } = await start()
    await send('/page/1')
    await begun(1)
    const answered = listen(await send('/page/2'))
    const closing = close()
    end('/page/1')
    await begun(2)
    end('/page/2')
    const { status, headers } = parseAnswer((await answered).text)
    expect([status, headers.get('connection')]).toEqual([200, 'close'])
    await closing
  })
})

describe('clients that hang up [R9]', () => {
  test('what waits is dropped when its connection goes [R9]', async () => {
    const { send, begun, pages, arrived, end, connections } = await start()
    await send('/page/1')
    await begun(1)
    const gone = [await send('/page/2'), await send('/page/3')]
    await arrived()
    for (const socket of gone) socket.destroy()
    await expect.poll(connections).toBe(1)
    await send('/page/4')
    end('/page/1')
    await begun(2)
    expect(pages()).toEqual(['GET /page/1', 'GET /page/4'])
  })

  test('work that goes on for a client that is gone still counts [R9]', async () => {
    const { send, begun, pages, arrived, held, connections } = await start()
    const gone = await send('/page/1')
    await begun(1)
    gone.destroy()
    await expect.poll(connections).toBe(0)
    await send('/page/2')
    await send('/page/3')
    await arrived()
    expect(pages()).toEqual(['GET /page/1'])
    held.get('/page/1')!.emit('finish') // the handler returns
    await begun(2)
  })

  test('code that never returns gives its place back in the end [R9]', async () => {
    const { send, begun } = await start({ longestWork: 100 })
    await send('/page/1')
    await send('/page/2')
    await begun(2)
  })
})

describe('clients that take their time [R9]', () => {
  test('a body that is still to come occupies no place [R9]', async () => {
    const { port, reached } = await start()
    const slow = await open(port)
    sockets.push(slow)
    slow.write('POST /api/v1/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    expect((await ask(port, 'GET /api/v1/x')).body).toBe('at once')
    expect(reached).toEqual(['GET /api/v1/x'])
    slow.write('12345')
    expect((await listen(slow, { until: /at once/ })).text).toContain('at once')
  })

  test('an answer that its client does not read occupies no place [R9]', async () => {
    const { send, begun, held } = await start()
    const reader = await send('/page/1')
    reader.pause()
    await begun(1)
    const answer = held.get('/page/1')!
    while (answer.write('x'.repeat(65_536)));
    await send('/page/2')
    await begun(2)
  })
})

describe('requests sent before the first is answered [R9]', () => {
  test('are begun one after the other [R9]', async () => {
    const { port, reached, begun, end } = await start({
      queues: { ...queues, page: { ...one, working: 9, workingPerClient: 9 } },
    })
    const socket = await open(port)
    sockets.push(socket)
    socket.write(['/page/1', '/page/2'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    await begun(1)
    // A request on another connection, later, overtakes the second.
    expect((await ask(port, 'GET /other')).body).toBe('at once')
    expect(reached).toEqual(['GET /page/1', 'GET /other'])
    end('/page/1')
    await begun(2)
  })

  test('are not begun after a refusal [R9]', async () => {
    const { send, begun, port, reached } = await start()
    for (const target of ['/page/1', '/page/2', '/page/3']) await send(target)
    await begun(1)
    const { text, closed } = await talk(
      port,
      'GET /page/4 HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/x HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    expect([text.match(/HTTP\/1\.1 \d+/g), closed]).toEqual([['HTTP/1.1 503'], true])
    expect(reached).toEqual(['GET /page/1'])
  })
})

describe('connections of one client [R9]', () => {
  test('an idle one makes room for a new one [R9]', async () => {
    const { port, connections } = await start({ connectionsPerClient: 2 })
    const idle = await open(port)
    sockets.push(idle)
    idle.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n')
    await listen(idle, { until: /at once/ })
    sockets.push(await open(port))
    await expect.poll(connections).toBe(2)
    const ended = listen(idle)
    expect((await ask(port, 'GET /other')).body).toBe('at once')
    expect((await ended).closed).toBe(true)
  })

  test('where none is idle, a new one is told 503 before it is read [R9]', async () => {
    const { port, reached, send, begun } = await start({ connectionsPerClient: 1 })
    await send('/page/1')
    await begun(1)
    const { status, headers } = await ask(port, 'GET /api/health/live')
    expect([status, headers.get('retry-after'), headers.get('x-frame-options')]).toEqual([503, '5', 'DENY'])
    expect(reached).toEqual(['GET /page/1'])
  })

  test('behind a trusted proxy, which has the connections of everybody, they are not counted [R9]', async () => {
    const { port, send, begun } = await start({ connectionsPerClient: 1 }, proxied)
    await send('/page/1', from('203.0.113.9'))
    await begun(1)
    expect((await ask(port, 'GET /api/v1/x', [from('203.0.113.9')])).body).toBe('at once')
  })
})

test('no client can occupy every place, nor fill the queue alone [R9]', () => {
  for (const { working, workingPerClient, waiting, waitingPerClient } of Object.values(
    admissionLimits.queues,
  )) {
    expect(workingPerClient).toBeLessThan(working)
    expect(waitingPerClient).toBeLessThan(waiting)
  }
})

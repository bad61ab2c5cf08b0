import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { open, parseResponse, receive } from '@/e2e/support/raw-http'
import { startFront } from '@/e2e/support/front-server'

const get = 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n'

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true) ?? socket.destroy())
    socket.once('error', () => resolve(false))
  })

async function startPending(limits: Parameters<typeof startFront>[0] = {}) {
  const pending: ServerResponse[] = []
  const front = await startFront({ ...limits, handle: (_, response) => void pending.push(response) })
  return { ...front, pending }
}

test('a closing server finishes a response in progress, which says that the connection closes [F9]', async () => {
  const { port, pending, close } = await startPending()
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => pending.length).toBe(1)

  const closed = close()
  await expect.poll(() => accepts(port)).toBe(false)
  const received = receive(socket)
  pending[0]!.end('whole')
  const response = parseResponse((await received).text)
  expect([response.status, response.body, response.headers.get('connection')]).toEqual([
    200,
    'whole',
    'close',
  ])
  await closed
})

test('a request that arrives on an open connection of a closing server still gets its response [F9]', async () => {
  const { port, close } = await startFront({ limits: { idleGrace: 500 } })
  const socket = await open(port)
  socket.write(get)
  await receive(socket, { until: /<p>page/ })

  const closed = close()
  const received = receive(socket)
  socket.write(get)
  const response = parseResponse((await received).text)
  expect([response.status, response.headers.get('connection')]).toEqual([200, 'close'])
  await closed
})

test('idle connections do not keep the server from closing [F9]', async () => {
  const { port, close } = await startFront({ limits: { idleGrace: 100, drainGrace: 60_000 } })
  const silent = await open(port)
  const used = await open(port)
  used.write(get)
  await receive(used, { until: /<p>page/ })
  const began = performance.now()
  await close()
  expect(performance.now() - began).toBeLessThan(30_000)
  silent.destroy()
  used.destroy()
})

test('a connection closes after a response whose headers were sent before the server began to close [F9]', async () => {
  const { port, pending, close } = await startPending({ limits: { idleGrace: 50, drainGrace: 10_000 } })
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => pending.length).toBe(1)
  pending[0]!.write('first ')
  await receive(socket, { until: /first/ })

  const closed = close()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const rest = receive(socket)
  pending[0]!.end('second')
  const { text, closed: ended } = await rest
  expect([text.includes('second'), ended]).toEqual([true, true])
  await closed
})

test('a closing server gives up a response that never comes when its grace period is over [F9]', async () => {
  const { port, pending, close } = await startPending({ limits: { idleGrace: 50, drainGrace: 300 } })
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => pending.length).toBe(1)
  await close()
  socket.destroy()
})

test('no request is lost while a server under load closes [F9]', async () => {
  const { port, close } = await startFront({
    limits: { idleGrace: 500 },
    handle: (_, response) => void setTimeout(() => response.end('whole'), 20),
  })
  let isClosed = false
  const outcomes: string[] = []
  async function client(): Promise<void> {
    while (!isClosed) {
      const socket = await open(port).catch(() => undefined)
      if (socket === undefined) return void (isClosed = true)
      for (let last = false; !last;) {
        const received = receive(socket, { until: /whole/ })
        socket.write(get)
        const { text } = await received
        outcomes.push(text.includes('whole') ? 'whole' : `lost ${text}`)
        last = !text.includes('whole') || /connection: close/i.test(text)
        socket.removeAllListeners('data')
      }
      socket.destroy()
    }
  }
  const clients = Array.from({ length: 10 }, client)
  await expect.poll(() => outcomes.length).toBeGreaterThan(50)
  await close()
  await Promise.all(clients)
  expect(new Set(outcomes)).toEqual(new Set(['whole']))
})

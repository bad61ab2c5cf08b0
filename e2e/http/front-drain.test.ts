import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { listen, open, parseAnswer } from '@/e2e/support/raw-http'
import { startTrial } from '@/e2e/support/front-server'

const get = 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n'

/** Whether anything listens on the port. */
const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true) ?? socket.destroy())
    socket.once('error', () => resolve(false))
  })

/** A front whose answers wait until they are let go. */
async function startHolding(limits: Parameters<typeof startTrial>[0] = {}) {
  const held: ServerResponse[] = []
  const trial = await startTrial({ ...limits, handle: (_, answer) => void held.push(answer) })
  return { ...trial, held }
}

test('an answer in progress is finished, and says that the connection closes [F9]', async () => {
  const { port, held, close } = await startHolding()
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => held.length).toBe(1)

  const closed = close()
  await expect.poll(() => accepts(port)).toBe(false)
  const answered = listen(socket)
  held[0]!.end('whole')
  const answer = parseAnswer((await answered).text)
  expect([answer.status, answer.body, answer.headers.get('connection')]).toEqual([200, 'whole', 'close'])
  await closed
})

test('a request that was on its way on an open connection is still answered [F9]', async () => {
  const { port, close } = await startTrial({ limits: { idleGrace: 500 } })
  const socket = await open(port)
  socket.write(get)
  await listen(socket, { until: /<p>page/ })

  const closed = close()
  const answered = listen(socket)
  socket.write(get)
  const answer = parseAnswer((await answered).text)
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
  await closed
})

test('connections that ask nothing do not hold the server up [F9]', async () => {
  const { port, close } = await startTrial({ limits: { idleGrace: 100, drainGrace: 60_000 } })
  const silent = await open(port)
  const used = await open(port)
  used.write(get)
  await listen(used, { until: /<p>page/ })
  const began = performance.now()
  await close()
  expect(performance.now() - began).toBeLessThan(30_000)
  silent.destroy()
  used.destroy()
})

test('an answer begun before, without the word that the connection closes, ends it all the same [F9]', async () => {
  const { port, held, close } = await startHolding({ limits: { idleGrace: 50, drainGrace: 10_000 } })
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => held.length).toBe(1)
  held[0]!.write('first ')
  await listen(socket, { until: /first/ })

  const closed = close()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const rest = listen(socket)
  held[0]!.end('second')
  const { text, closed: ended } = await rest
  expect([text.includes('second'), ended]).toEqual([true, true])
  await closed
})

test('an answer that never comes is given up when the grace is over [F9]', async () => {
  const { port, held, close } = await startHolding({ limits: { idleGrace: 50, drainGrace: 300 } })
  const socket = await open(port)
  socket.write(get)
  await expect.poll(() => held.length).toBe(1)
  await close()
  socket.destroy()
})

test('under load no request is lost [F9]', async () => {
  const { port, close } = await startTrial({
    limits: { idleGrace: 500 },
    handle: (_, answer) => void setTimeout(() => answer.end('whole'), 20),
  })
  let refused = false
  const outcomes: string[] = []
  /** Asks on one connection until it is told to close or cannot connect any more. */
  async function client(): Promise<void> {
    while (!refused) {
      const socket = await open(port).catch(() => undefined)
      if (socket === undefined) return void (refused = true)
      for (let last = false; !last;) {
        const answered = listen(socket, { until: /whole/ })
        socket.write(get)
        const { text } = await answered
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

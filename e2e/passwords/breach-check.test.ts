import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { createBreachCheck } from '@/lib/passwords/breach-check'
import { createLog } from '@/lib/logging/log'

const log = createLog('fatal', 'test')
const password = 'correct horse battery staple'
const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
const suffix = digest.slice(5)

let close: (() => void) | undefined
afterEach(() => close?.())

async function checkAgainst(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = () => {
    server.closeAllConnections()
    server.close()
  }
  return createBreachCheck(`http://127.0.0.1:${(server.address() as AddressInfo).port}/range`, log)
}

test('a breached password is found by its range; five hex digits leave the house, with padding asked for [P8]', async () => {
  const seen: { url?: string; padding?: unknown; all?: string }[] = []
  const isBreached = await checkAgainst((request, response) => {
    seen.push({
      url: request.url!,
      padding: request.headers['add-padding'],
      all: JSON.stringify(request.headers),
    })
    response.end(`0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n${suffix}:42\r\n`)
  })
  expect(await isBreached(password)).toBe(true)
  expect(seen).toMatchObject([{ url: `/range/${digest.slice(0, 5)}`, padding: 'true' }])
  expect(JSON.stringify(seen)).not.toContain(suffix)
})

test('padding, which has the count 0, is no finding; neither is another suffix [P8]', async () => {
  const isBreached = await checkAgainst((_request, response) =>
    response.end(`${suffix}:0\r\n${'A'.repeat(35)}:7`),
  )
  expect(await isBreached(password)).toBe(false)
})

test.each<[string, RequestListener]>([
  ['never answers', () => undefined],
  ['stops half way', (_request, response) => void response.write('x')],
  ['breaks off', (request) => request.socket.destroy()],
  ['fails', (_request, response) => response.writeHead(500).end(`${suffix}:9`)],
  ['redirects', (_request, response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end()],
  ['floods', (_request, response) => void response.end('x'.repeat(600_000))],
])('a service that %s lets the password pass [P8]', async (_what, answer) => {
  const isBreached = await checkAgainst(answer)
  const timeout = vi.spyOn(AbortSignal, 'timeout')
  expect(await isBreached(password)).toBe(false)
  // The time that was set, not the time that passed: a busy machine must not fail this.
  expect(timeout.mock.calls.flat().filter((ms) => ms >= 1000)).toEqual([])
  expect(timeout).toHaveBeenCalledOnce()
  timeout.mockRestore()
})

test('without a URL nothing is asked [P8]', async () => {
  expect(await createBreachCheck(undefined, log)(password)).toBe(false)
})

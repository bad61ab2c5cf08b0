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

async function checkAgainst(respond: RequestListener) {
  const server = createServer(respond).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = () => {
    server.closeAllConnections()
    server.close()
  }
  return createBreachCheck(`http://127.0.0.1:${(server.address() as AddressInfo).port}/range`, log)
}

test('the breach check finds a password by the first five digits of its hash, and requests padding [P8]', async () => {
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

test('a hash with the count 0, which is padding, and other hashes do not count as a breach [P8]', async () => {
  const isBreached = await checkAgainst((_request, response) =>
    response.end(`${suffix}:0\r\n${'A'.repeat(35)}:7`),
  )
  expect(await isBreached(password)).toBe(false)
})

test.each<[string, RequestListener]>([
  ['never responds', () => undefined],
  ['stops halfway', (_request, response) => void response.write('x')],
  ['closes the connection', (request) => request.socket.destroy()],
  ['responds with an error', (_request, response) => response.writeHead(500).end(`${suffix}:9`)],
  ['redirects', (_request, response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end()],
  ['responds with a page', (_request, response) => void response.end('<h1>Welcome</h1>\n')],
  ['sends too much', (_request, response) => void response.end('x'.repeat(600_000))],
])(
  'a password is accepted, and the failure logged, if the breach service %s [P8]',
  async (_what, respond) => {
    const isBreached = await checkAgainst(respond)
    const warn = vi.spyOn(log, 'warn')
    const timeout = vi.spyOn(AbortSignal, 'timeout')
    expect(await isBreached(password)).toBe(false)
    // The timeout that was set, because the time that passes depends on the machine.
    expect(timeout.mock.calls.flat().filter((ms) => ms >= 1000)).toEqual([])
    expect(timeout).toHaveBeenCalledOnce()
    timeout.mockRestore()
    expect(warn.mock.calls).toMatchObject([[{ event: 'breach_check_unavailable' }]])
    warn.mockRestore()
  },
)

test('without a URL the breach check accepts every password [P8]', async () => {
  expect(await createBreachCheck(undefined, log)(password)).toBe(false)
})

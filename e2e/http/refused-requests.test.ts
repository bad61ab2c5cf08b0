import { pino } from 'pino'
import { expect, test } from 'vitest'
import { reportRefusedRequest, mayBeProxy } from '@/lib/logging/refused-requests'
import { sendRequest } from '@/e2e/support/raw-http'
import { startFront as start, type TestFront } from '@/e2e/support/front-server'

const get = ({ port }: TestFront, ...headers: string[]) =>
  sendRequest(port, ['GET /page HTTP/1.1', ...headers, '', ''].join('\r\n'))
const warningsOf = ({ logged }: TestFront) => logged.filter(({ event }) => event === 'requests_refused')

test('requests that a proxy forwards as plain http cause one warning that names the header and the setting [V6]', async () => {
  const front = await start({ settings: { trustedProxyHops: 2 } })
  for (let time = 0; time < 20; time += 1) {
    const response = await get(
      front,
      'Host: id.example.com',
      'X-Forwarded-For: 203.0.113.9, 10.0.0.2',
      'X-Forwarded-Proto: http',
    )
    expect(response.status).toBe(403)
  }
  expect(warningsOf(front)).toMatchObject([
    { level: 40, reason: 'plain-http', setting: 'TRUSTED_PROXY_HOPS' },
  ])
  expect(warningsOf(front)[0]!.hint).toContain('X-Forwarded-Proto')
})

test('requests for demo under another host name cause one warning that names the setting [V6]', async () => {
  const front = await start({ settings: { mode: 'demo', publicOrigin: 'http://localhost:3000' } })
  for (let time = 0; time < 3; time += 1)
    expect((await get(front, 'Host: demo.example.com')).status).toBe(421)
  expect(warningsOf(front)).toMatchObject([{ reason: 'other-host', setting: 'PUBLIC_URL' }])
})

test('a request with too many or too large headers causes a warning [V6]', async () => {
  for (const headers of [
    Array.from({ length: 110 }, (_, i) => `X-From-Proxy-${i}: 1`),
    [`X-From-Proxy: ${'x'.repeat(20_000)}`],
  ]) {
    const front = await start()
    expect((await get(front, 'Host: id.example.com', ...headers)).status).toBe(431)
    expect(warningsOf(front)).toMatchObject([{ reason: 'large-headers' }])
  }
})

test('successful requests, mistyped paths and wrong methods cause no warning [V6]', async () => {
  const front = await start({ settings: { trustedProxyHops: 1 } })
  await get(front, 'Host: id.example.com', 'X-Forwarded-Proto: https')
  await sendRequest(front.port, 'GET //etc HTTP/1.1\r\nHost: id.example.com\r\n\r\n')
  await sendRequest(front.port, 'POST /page HTTP/1.1\r\nHost: id.example.com\r\nContent-Length: 0\r\n\r\n')
  expect(warningsOf(front)).toEqual([])
})

test('each kind of misconfiguration is logged at most once in ten minutes [V6]', () => {
  const logged: { reason: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  for (const minute of [0, 1, 9.9, 10, 11, 20.5]) {
    reportRefusedRequest(log, 'plain-http', minute * 60_000)
    reportRefusedRequest(log, 'cross-origin', minute * 60_000)
  }
  expect(logged.filter(({ reason }) => reason === 'plain-http')).toHaveLength(3)
  expect(logged).toHaveLength(6)
})

test('a private or unknown address may be a proxy, and a public one is not taken for one [V6]', () => {
  for (const address of [
    '10.1.2.3',
    '127.0.0.1',
    '192.168.0.9',
    '172.31.0.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'unknown',
  ])
    expect([address, mayBeProxy(address)]).toEqual([address, true])
  for (const address of ['203.0.113.9', '172.32.0.1', '11.0.0.1', '2001:db8::1', 'no address'])
    expect([address, mayBeProxy(address)]).toEqual([address, false])
})

test('a proxy that strips the path of PUBLIC_URL causes a warning that names the setting [V6]', async () => {
  const front = await start({ settings: { basePath: '/account' } })
  expect((await get(front, 'Host: id.example.com')).status).toBe(404)
  expect(warningsOf(front)).toMatchObject([{ reason: 'outside-path', setting: 'PUBLIC_URL' }])
})

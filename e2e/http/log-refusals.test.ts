import { pino } from 'pino'
import { expect, test } from 'vitest'
import { logMisconfiguration, mayBeProxy } from '@/lib/logging/misconfiguration-log'
import { ask } from '@/e2e/support/raw-http'
import { startTrial as start, type Trial } from '@/e2e/support/front-server'

const get = ({ port }: Trial, ...headers: string[]) =>
  ask(port, ['GET /page HTTP/1.1', ...headers, '', ''].join('\r\n'))
const refusals = ({ logged }: Trial) => logged.filter(({ event }) => event === 'requests_refused')

test('two proxies of which the second says http are told by one line that names the header and the setting [V6]', async () => {
  const trial = await start({ settings: { trustedProxyHops: 2 } })
  for (let time = 0; time < 20; time += 1) {
    const answer = await get(
      trial,
      'Host: id.example.com',
      'X-Forwarded-For: 203.0.113.9, 10.0.0.2',
      'X-Forwarded-Proto: http',
    )
    expect(answer.status).toBe(403)
  }
  expect(refusals(trial)).toMatchObject([{ level: 40, reason: 'plain-http', setting: 'TRUSTED_PROXY_HOPS' }])
  expect(refusals(trial)[0]!.hint).toContain('X-Forwarded-Proto')
})

test('a demo that is reached by another name is told with the setting [V6]', async () => {
  const trial = await start({ settings: { mode: 'demo', publicOrigin: 'http://localhost:3000' } })
  for (let time = 0; time < 3; time += 1)
    expect((await get(trial, 'Host: demo.example.com')).status).toBe(421)
  expect(refusals(trial)).toMatchObject([{ reason: 'other-host', setting: 'PUBLIC_URL' }])
})

test('headers that are too many or too large are told [V6]', async () => {
  for (const headers of [
    Array.from({ length: 110 }, (_, i) => `X-From-Proxy-${i}: 1`),
    [`X-From-Proxy: ${'x'.repeat(20_000)}`],
  ]) {
    const trial = await start()
    expect((await get(trial, 'Host: id.example.com', ...headers)).status).toBe(431)
    expect(refusals(trial)).toMatchObject([{ reason: 'large-headers' }])
  }
})

test('what serves people and what anybody mistypes is no line [V6]', async () => {
  const trial = await start({ settings: { trustedProxyHops: 1 } })
  await get(trial, 'Host: id.example.com', 'X-Forwarded-Proto: https')
  await ask(trial.port, 'GET //etc HTTP/1.1\r\nHost: id.example.com\r\n\r\n')
  await ask(trial.port, 'POST /page HTTP/1.1\r\nHost: id.example.com\r\nContent-Length: 0\r\n\r\n')
  expect(refusals(trial)).toEqual([])
})

test('each kind of refusal has one line in ten minutes, and the next one after them [V6]', () => {
  const logged: { reason: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  for (const minute of [0, 1, 9.9, 10, 11, 20.5]) {
    logMisconfiguration(log, 'plain-http', minute * 60_000)
    logMisconfiguration(log, 'cross-origin', minute * 60_000)
  }
  expect(logged.filter(({ reason }) => reason === 'plain-http')).toHaveLength(3)
  expect(logged).toHaveLength(6)
})

test('a proxy is suspected behind private addresses and behind none, and not behind one on the internet [V6]', () => {
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

test('a proxy that strips the path which Rekey is under is told [V6]', async () => {
  const trial = await start({ settings: { basePath: '/account' } })
  expect((await get(trial, 'Host: id.example.com')).status).toBe(404)
  expect(refusals(trial)).toMatchObject([{ reason: 'outside-path', setting: 'PUBLIC_URL' }])
})

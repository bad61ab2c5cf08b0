import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { sendRequest } from '@/e2e/support/raw-http'
import { startFront as start, requestSeenIn } from '@/e2e/support/front-server'

describe('the client address that the app sees', () => {
  const clientSeen = async (address: number | string, lines: string[]) =>
    requestSeenIn(await sendRequest(address, 'GET /api/v1/anything', lines)).headers['x-rekey-client']

  test('without a trusted proxy, a new X-Forwarded-For in each request makes no new client [R5]', async () => {
    const { port } = await start()
    const seen = new Set<string | undefined>()
    for (let n = 0; n < 20; n += 1) seen.add(await clientSeen(port, [`X-Forwarded-For: 10.9.8.${n}`]))
    expect(seen).toEqual(new Set(['127.0.0.1']))
  })

  test('behind one trusted proxy, the client is the address that the proxy added [R5]', async () => {
    const { port } = await start({ settings: { trustedProxyHops: 1 } })
    const seen = new Set<string | undefined>()
    for (let n = 0; n < 20; n += 1) {
      seen.add(
        await clientSeen(port, [
          `X-Forwarded-For: 10.9.8.${n}`,
          'X-Real-IP: 6.6.6.6',
          'X-Forwarded-For: 203.0.113.9',
        ]),
      )
      seen.add(
        await clientSeen(port, [`X-Forwarded-For: 10.9.8.${n}, 203.0.113.9`, `X_Forwarded_For: 10.9.8.${n}`]),
      )
    }
    expect(seen).toEqual(new Set(['203.0.113.9']))
  })

  test('a request with so many headers that the address from the proxy could be lost gets 431 [R5]', async () => {
    const { port, reached } = await start({
      settings: { trustedProxyHops: 1 },
      limits: { maxHeaderSize: 64 * 1024 },
    })
    const flood = [
      'X-Forwarded-For: 6.6.6.6',
      ...Array<string>(2_500).fill('a: b'),
      'X-Forwarded-For: 203.0.113.9',
    ]
    for (const lines of [flood, Array<string>(110).fill('a: b')])
      expect((await sendRequest(port, 'GET /api/v1/anything', lines)).status).toBe(431)
    expect(reached).toEqual([])
  })

  test('on a unix socket the client is unknown, unless a trusted proxy names its address [R6]', async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'rekey-front-')), 'a')
    await start({ path: file })
    expect(await clientSeen(file, ['X-Forwarded-For: 203.0.113.9'])).toBe('unknown')
    await start({ path: `${file}b`, settings: { trustedProxyHops: 1 } })
    expect(await clientSeen(`${file}b`, ['X-Forwarded-For: 203.0.113.9'])).toBe('203.0.113.9')
    expect(await clientSeen(`${file}b`, ['X-Forwarded-For: garbage'])).toBe('unknown')
  })

  test('forwarding headers without a trusted proxy are logged once as a warning, without the address [R5]', async () => {
    const { port, logged } = await start()
    await sendRequest(port, 'GET /page')
    expect(logged).toEqual([])
    for (let n = 0; n < 3; n += 1) await sendRequest(port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(logged.map((line) => line.event)).toEqual(['forwarding_headers_ignored'])
    expect(JSON.stringify(logged)).not.toContain('203.0.113.9')

    const trusting = await start({ settings: { trustedProxyHops: 1 } })
    await sendRequest(trusting.port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(trusting.logged).toEqual([])
  })

  test('an X-Forwarded-For with fewer addresses than trusted proxies is logged once; a missing one is not [R5]', async () => {
    const { port, logged } = await start({ settings: { trustedProxyHops: 2 } })
    await sendRequest(port, 'GET /api/health/live')
    await sendRequest(port, 'GET /page', ['X-Forwarded-For: 6.6.6.6, 203.0.113.9'])
    await sendRequest(port, 'GET /page', ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 203.0.113.9'])
    expect(logged).toEqual([])
    for (let n = 0; n < 3; n += 1) await sendRequest(port, 'GET /page', ['X-Forwarded-For: 203.0.113.9'])
    expect(logged.map((line) => line.event)).toEqual(['forwarding_hops_missing'])
    expect(JSON.stringify(logged)).not.toContain('203.0.113.9')
  })

  test('a request that reached the trusted proxy by plain HTTP gets 403, and no redirect [H11]', async () => {
    const { port, reached } = await start({ settings: { trustedProxyHops: 1 } })
    for (const request of ['POST /api/v1/anything', 'GET /page']) {
      for (const scheme of ['http', 'HTTP', 'https, http']) {
        const response = await sendRequest(port, request, [`X-Forwarded-Proto: ${scheme}`])
        expect(response.status).toBe(403)
        expect(response.headers.has('location')).toBe(false)
      }
    }
    expect(reached).toEqual([])
    expect((await sendRequest(port, 'GET /page', ['X-Forwarded-Proto: http, https'])).status).toBe(200)
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
  })

  test('X-Forwarded-Proto is ignored without a trusted proxy, and where PUBLIC_URL is a loopback http address [H11]', async () => {
    const direct = await start()
    expect((await sendRequest(direct.port, 'GET /page', ['X-Forwarded-Proto: http'])).status).toBe(200)
    const local = await start({ settings: { trustedProxyHops: 1, publicOrigin: 'http://localhost:3000' } })
    expect((await sendRequest(local.port, 'GET /page', ['X-Forwarded-Proto: http'])).status).toBe(200)
  })
})

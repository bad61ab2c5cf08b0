import { once } from 'node:events'
import { createServer, request, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { startApp, type RunningApp } from '@/e2e/support/running-app'

// What a cache between us and many visitors could keep, and what an attacker could have it keep.

const origin = 'https://id.example.com'
const ask = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'

let app: RunningApp
beforeAll(async () => void (app = await startApp({ env: { PUBLIC_URL: origin, TRUSTED_PROXY_HOPS: '1' } })))
afterAll(() => app?.stop())

const json: [string, string] = ['Content-Type', 'application/json']

describe('nonces and shared caches [C20, CVE-2026-44581, GHSA-ffhc-5mcf-pf4q]', () => {
  const lies: [string, string][] = [
    ['Content-Security-Policy', "script-src 'nonce-evil' 'unsafe-inline'"],
    ['Content-Security-Policy-Report-Only', "script-src 'nonce-evil'"],
    ['X-Content-Security-Policy', "script-src 'nonce-evil'"],
    ['X-Nonce', 'evil'],
    ['Nonce', 'evil'],
    ['Link', '</evil.js>; rel=preload; nonce=evil'],
  ]
  const injections: [string, string][] = [
    ['Content-Security-Policy', `script-src 'nonce-"><script>evil()</script>'`],
    ['X-Nonce', '"><script>evil()</script>'],
  ]
  const noncesIn = (text: string) => [...text.matchAll(/nonce=\\?"([^"\\]+)\\?"/g)].map(([, nonce]) => nonce!)
  const pages = [
    '/forgot-password/',
    '/forgot-password/sent/',
    '/reset-password/',
    '/cancel-reset/',
    '/nowhere',
  ]

  test.each(pages)('on %s the nonce is that of the answer, whatever came in [C20, H6]', async (path) => {
    const seen = new Set<string>()
    for (const headers of [[], lies, injections, ...[...lies, ...injections].map((line) => [line])]) {
      const answer = await exchange(app.port, { method: 'GET', path, headers })
      const policy = String(answer.headers['content-security-policy'])
      const nonce = /script-src 'nonce-([A-Za-z0-9+/]{22}==)' 'strict-dynamic';/.exec(policy)?.[1]
      // The page of an unknown path has a style sheet and no scripts.
      expect(noncesIn(answer.text).length).toBeGreaterThan(path === '/nowhere' ? 0 : 2)
      expect(new Set(noncesIn(answer.text))).toEqual(new Set([nonce]))
      expect(answer.text + policy + String(answer.headers.link)).not.toContain('evil')
      expect(seen.has(nonce!)).toBe(false)
      seen.add(nonce!)
    }
  })

  test('a careless cache in front keeps the hashed files, and nothing else that we ever say [C20, H3]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: origin }).linkOf(person)
    const query = new URLSearchParams({ ...link, timestamp: String(link.timestamp) })
    const cache = await startCache(app)
    try {
      const page = await exchange(cache.port, { method: 'GET', path: '/forgot-password/' })
      const files = [...new Set(page.text.match(/\/_next\/static\/[^"\\]+\.(?:js|css)/g))]
      expect(files.length).toBeGreaterThan(2)

      const targets = [
        ...pages,
        `/reset-password/?${query}`,
        `/cancel-reset/?${query}`,
        '/reset-password/done/',
        '/cancel-reset/done/',
        '/',
        '/icon.svg',
        '/.well-known/change-password',
        '/.well-known/security.txt',
        '/dev/mailbox/',
        '/api/health/live',
        '/api/health/ready',
        '/_next/static/chunks/gone.js',
        '/_next/image?url=/icon.svg&w=64&q=75',
        '//double',
        '/reset-password.rsc',
        ask,
        reset,
      ]
      const variants: [string, string][][] = [
        [],
        [['RSC', '1']],
        [
          ['RSC', '1'],
          ['Next-Router-Prefetch', '1'],
        ],
        [['Next-Action', 'x']],
        [['X-Middleware-Prefetch', '1']],
        [['If-None-Match', '*']],
        [['Range', 'bytes=0-10']],
        [['X-Forwarded-Proto', 'http']],
        lies,
      ]
      for (const path of targets) {
        for (const headers of variants) {
          for (const method of ['GET', 'HEAD', 'OPTIONS'])
            await exchange(cache.port, { method, path, headers })
        }
      }
      for (const path of [ask, reset]) {
        for (const body of ['{"login":"nobody"}', '{', ''])
          await exchange(cache.port, { path, headers: [json], body })
        await exchange(cache.port, {
          path,
          headers: [
            ['Content-Type', 'application/x-www-form-urlencoded'],
            ['Accept', 'text/html'],
          ],
          body: 'login=nobody',
        })
      }
      expect([...cache.kept.keys()]).toEqual([])

      for (const file of files) await exchange(cache.port, { method: 'GET', path: file })
      expect([...cache.kept.keys()].sort()).toEqual(files.sort()) // it does keep what may be kept
    } finally {
      cache.close()
    }
  })

  test('what an attacker sends through a cache is not what the next visitor gets [C20]', async () => {
    const cache = await startCache(app)
    try {
      const attacked = await exchange(cache.port, {
        method: 'GET',
        path: '/forgot-password/?a',
        headers: lies,
      })
      const visited = await exchange(cache.port, { method: 'GET', path: '/forgot-password/?a' })
      expect(attacked.text + visited.text).not.toContain('evil')
      const [first, second] = [noncesIn(attacked.text), noncesIn(visited.text)]
      expect(second).not.toContain(first[0])
    } finally {
      cache.close()
    }
  })
})

/**
 * A shared cache that keeps whatever it is not told to leave alone, under the target alone: it knows nothing of Vary,
 * of methods and of statuses.
 */
async function startCache({ port }: RunningApp) {
  type Kept = { status: number; headers: IncomingHttpHeaders; body: Buffer }
  const kept = new Map<string, Kept>()
  const server = createServer((incoming, answer) => {
    const { url = '/', method = 'GET', headers } = incoming
    const known = kept.get(url)
    if (known !== undefined) return void answer.writeHead(known.status, known.headers).end(known.body)
    const outgoing = request({ host: '127.0.0.1', port, path: url, method, headers }, (received) => {
      const chunks: Buffer[] = []
      received.on('data', (chunk: Buffer) => chunks.push(chunk))
      received.on('end', () => {
        const body = Buffer.concat(chunks)
        const { 'transfer-encoding': _, connection: __, ...passed } = received.headers
        const status = received.statusCode!
        if (!/\b(no-store|private)\b/.test(passed['cache-control'] ?? ''))
          kept.set(url, { status, headers: passed, body })
        answer.writeHead(status, { ...passed, 'content-length': body.length }).end(body)
      })
    })
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, kept, close: () => void server.close() }
}

import { once } from 'node:events'
import { createServer, request, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'
import { startApp, type RunningApp } from '@/e2e/support/running-app'

const origin = 'https://id.example.com'

let app: RunningApp
beforeAll(async () => void (app = await startApp({ env: { PUBLIC_URL: origin, TRUSTED_PROXY_HOPS: '1' } })))
afterAll(() => app?.stop())

const json: [string, string] = ['Content-Type', 'application/json']

describe('nonces and shared caches [C20, CVE-2026-44581, GHSA-ffhc-5mcf-pf4q]', () => {
  const forgedHeaders: [string, string][] = [
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

  test.each(pages)(
    'the page %s gets a new nonce in each response, whatever nonce the request names [C20, H6]',
    async (path) => {
      const seen = new Set<string>()
      for (const headers of [
        [],
        forgedHeaders,
        injections,
        ...[...forgedHeaders, ...injections].map((line) => [line]),
      ]) {
        const response = await exchange(app.port, { method: 'GET', path, headers })
        const policy = String(response.headers['content-security-policy'])
        const nonce = /script-src 'nonce-([A-Za-z0-9+/]{22}==)' 'strict-dynamic';/.exec(policy)?.[1]
        // The page of an unknown path has a style sheet and no scripts.
        expect(noncesIn(response.text).length).toBeGreaterThan(path === '/nowhere' ? 0 : 2)
        expect(new Set(noncesIn(response.text))).toEqual(new Set([nonce]))
        expect(response.text + policy + String(response.headers.link)).not.toContain('evil')
        expect(seen.has(nonce!)).toBe(false)
        seen.add(nonce!)
      }
    },
  )

  test('a careless shared cache stores the hashed files of Rekey, and nothing else [C20, H3]', async () => {
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
        requestLinkPath,
        resetPath,
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
        forgedHeaders,
      ]
      for (const path of targets) {
        for (const headers of variants) {
          for (const method of ['GET', 'HEAD', 'OPTIONS'])
            await exchange(cache.port, { method, path, headers })
        }
      }
      for (const path of [requestLinkPath, resetPath]) {
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
      expect([...cache.stored.keys()]).toEqual([])

      for (const file of files) await exchange(cache.port, { method: 'GET', path: file })
      expect([...cache.stored.keys()].sort()).toEqual(files.sort())
    } finally {
      cache.close()
    }
  })

  test('the request of an attacker through a shared cache does not change the page of the next visitor [C20]', async () => {
    const cache = await startCache(app)
    try {
      const attacked = await exchange(cache.port, {
        method: 'GET',
        path: '/forgot-password/?a',
        headers: forgedHeaders,
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

/** A shared cache that obeys only `no-store` and `private`, and ignores Vary, methods and statuses. */
async function startCache({ port }: RunningApp) {
  type Stored = { status: number; headers: IncomingHttpHeaders; body: Buffer }
  const stored = new Map<string, Stored>()
  const server = createServer((incoming, response) => {
    const { url = '/', method = 'GET', headers } = incoming
    const known = stored.get(url)
    if (known !== undefined) return void response.writeHead(known.status, known.headers).end(known.body)
    const outgoing = request({ host: '127.0.0.1', port, path: url, method, headers }, (received) => {
      const chunks: Buffer[] = []
      received.on('data', (chunk: Buffer) => chunks.push(chunk))
      received.on('end', () => {
        const body = Buffer.concat(chunks)
        const { 'transfer-encoding': _, connection: __, ...passed } = received.headers
        const status = received.statusCode!
        if (!/\b(no-store|private)\b/.test(passed['cache-control'] ?? ''))
          stored.set(url, { status, headers: passed, body })
        response.writeHead(status, { ...passed, 'content-length': body.length }).end(body)
      })
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stored, close: () => void server.close() }
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import type { RawResponse } from '@/e2e/support/raw-http'
import { createFrontServer, type FrontLimits, type FrontParts, type FrontSettings } from '@/server/http/front'

/** A front server with a stand-in for Next behind it. */
export type TestFront = {
  port: number
  logged: Record<string, unknown>[]
  reached: string[]
  connections(): Promise<number>
  close(): Promise<void>
}

type Options = {
  settings?: Partial<FrontSettings>
  limits?: Partial<FrontLimits>
  handle?: FrontParts['handle']
  upgrade?: FrontParts['upgrade']
  /** A unix socket instead of a port. */
  path?: string
}

/** The server closes when the test ends. */
export async function startFront({
  settings,
  limits,
  handle,
  upgrade,
  path,
}: Options = {}): Promise<TestFront> {
  const logged: Record<string, unknown>[] = []
  const reached: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const front = createFrontServer({
    settings: {
      mode: 'production',
      publicOrigin: 'https://id.example.com',
      allowedOrigins: [],
      basePath: '',
      hsts: 'host',
      trustedProxyHops: 0,
      ...settings,
    },
    log,
    limits: { checkInterval: 50, lingerTime: 300, idleGrace: 100, drainGrace: 2_000, ...limits },
    handle: (request, response) => {
      reached.push(`${request.method} ${request.url}`)
      return (handle ?? respondLikeNext(settings?.basePath ?? ''))(request, response)
    },
    upgrade,
  })
  const { server } = front
  onTestFinished(front.close)
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  )
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    logged,
    reached,
    connections: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    close: front.close,
  }
}

/** Responds by path, below the path of PUBLIC_URL. */
const respondLikeNext = (basePath: string) => async (request: IncomingMessage, response: ServerResponse) => {
  const path = (request.url ?? '').slice(basePath.length).split('?', 1)[0]
  switch (path) {
    case '/page':
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      response.setHeader('Cache-Control', 'public, max-age=60')
      response.setHeader('X-Powered-By', 'Next.js')
      return void response.end('<p>page</p>')
    case '/moved':
      return void response.writeHead(307, { Location: '/page' }).end()
    case '/listed':
      return void response
        .writeHead(200, ['Content-Type', 'text/html', 'Server', 'x', 'Vary', 'a', 'Vary', 'b'])
        .end('x')
    case '/missing':
      return void response.writeHead(404, 'Not Found', { 'Content-Type': 'text/html' }).end('<p>no</p>')
    case '/unchanged':
      return void response.writeHead(304).end()
    case '/_next/static/chunks/a1.js':
      response.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
      return void response.end('1')
    case '/_next/static/chunks/gone.js':
      return void response.writeHead(404).end()
    case '/dev/mailbox/email':
      response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'self'")
      response.setHeader('X-Frame-Options', 'SAMEORIGIN')
      response.setHeader('Content-Type', 'text/html')
      return void response.end('<p>email</p>')
    case '/own-policy':
      response.setHeader('Content-Security-Policy', 'default-src *')
      response.setHeader('X-Frame-Options', 'ALLOWALL')
      response.setHeader('Content-Type', 'text/html')
      return void response.end('<p>mine</p>')
    case '/throws':
      throw new Error('the canary 6f1c')
    case '/throws-late':
      response.write('half')
      throw new Error('the canary 6f1c')
    case '/api/v1/read':
      return readBounded(request, response)
    case '/api/v1/ignore':
      return void response.writeHead(403).end('refused')
    default: {
      const { headers, headersDistinct, rawHeaders, method, url } = request
      response.setHeader('Content-Type', 'application/json')
      return void response.end(JSON.stringify({ method, url, headers, headersDistinct, rawHeaders }))
    }
  }
}

/** Reads at most sixteen kilobytes, as the real handlers do. */
async function readBounded(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > 16 * 1024) return void response.writeHead(413).end('{"detail":"Request body too large."}')
  }
  response.end(`${size}`)
}

type Seen = {
  url: string
  headers: Record<string, string>
  headersDistinct: Record<string, string[]>
  rawHeaders: string[]
}
export const requestSeenIn = (response: RawResponse) => JSON.parse(response.body) as Seen

/** The headers of every response over https. */
export const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=63072000',
}

export function expectSecurityHeaders(response: RawResponse): void {
  expect(Object.fromEntries(response.headers)).toMatchObject(securityHeaders)
  expect(response.headers.get('permissions-policy')).toContain('camera=()')
  expect(response.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; .*frame-ancestors 'none'/,
  )
  for (const name of ['x-powered-by', 'server']) expect(response.headers.has(name)).toBe(false)
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import type { RawAnswer } from '@/e2e/support/raw-http'
import { createFrontServer, type FrontLimits, type FrontParts, type FrontSettings } from '@/server/http/front'

/** A front server with a stand-in for Next behind it, and its log. */
export type Trial = {
  port: number
  /** The lines of the log so far. */
  logged: Record<string, unknown>[]
  /** The requests that reached the stand-in. */
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

/** Starts the front server on a free port; it closes when the test ends. */
export async function startTrial({ settings, limits, handle, upgrade, path }: Options = {}): Promise<Trial> {
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
    handle: (request, answer) => {
      reached.push(`${request.method} ${request.url}`)
      return (handle ?? answerPlainly(settings?.basePath ?? ''))(request, answer)
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

/** Responds as Next does, by path; like Next, it is built for the path of PUBLIC_URL. */
const answerPlainly = (basePath: string) => async (request: IncomingMessage, answer: ServerResponse) => {
  const path = (request.url ?? '').slice(basePath.length).split('?', 1)[0]
  switch (path) {
    case '/page':
      answer.setHeader('Content-Type', 'text/html; charset=utf-8')
      answer.setHeader('Cache-Control', 'public, max-age=60')
      answer.setHeader('X-Powered-By', 'Next.js')
      return void answer.end('<p>page</p>')
    case '/moved':
      return void answer.writeHead(307, { Location: '/page' }).end()
    case '/listed':
      return void answer
        .writeHead(200, ['Content-Type', 'text/html', 'Server', 'x', 'Vary', 'a', 'Vary', 'b'])
        .end('x')
    case '/missing':
      return void answer.writeHead(404, 'Not Found', { 'Content-Type': 'text/html' }).end('<p>no</p>')
    case '/unchanged':
      return void answer.writeHead(304).end()
    case '/_next/static/chunks/a1.js':
      answer.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
      return void answer.end('1')
    case '/_next/static/chunks/gone.js':
      return void answer.writeHead(404).end()
    case '/dev/mailbox/email':
      answer.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'self'")
      answer.setHeader('X-Frame-Options', 'SAMEORIGIN')
      answer.setHeader('Content-Type', 'text/html')
      return void answer.end('<p>email</p>')
    case '/own-policy':
      answer.setHeader('Content-Security-Policy', 'default-src *')
      answer.setHeader('X-Frame-Options', 'ALLOWALL')
      answer.setHeader('Content-Type', 'text/html')
      return void answer.end('<p>mine</p>')
    case '/throws':
      throw new Error('the canary 6f1c')
    case '/throws-late':
      answer.write('half')
      throw new Error('the canary 6f1c')
    case '/api/v1/read':
      return readBounded(request, answer)
    case '/api/v1/ignore':
      return void answer.writeHead(403).end('refused')
    default: {
      const { headers, headersDistinct, rawHeaders, method, url } = request
      answer.setHeader('Content-Type', 'application/json')
      return void answer.end(JSON.stringify({ method, url, headers, headersDistinct, rawHeaders }))
    }
  }
}

/** Reads a body of at most sixteen kilobytes, as the real handlers do. */
async function readBounded(request: IncomingMessage, answer: ServerResponse): Promise<void> {
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length
    if (size > 16 * 1024) return void answer.writeHead(413).end('{"detail":"Request body too large."}')
  }
  answer.end(`${size}`)
}

/** A request as the stand-in got it. */
type Seen = {
  url: string
  headers: Record<string, string>
  headersDistinct: Record<string, string[]>
  rawHeaders: string[]
}
export const seenIn = (answer: RawAnswer) => JSON.parse(answer.body) as Seen

/** The headers of every response over https. */
export const secured = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-robots-tag': 'noindex',
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=63072000',
}

export function expectSecured(answer: RawAnswer): void {
  expect(Object.fromEntries(answer.headers)).toMatchObject(secured)
  expect(answer.headers.get('permissions-policy')).toContain('camera=()')
  expect(answer.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; .*frame-ancestors 'none'/,
  )
  for (const name of ['x-powered-by', 'server']) expect(answer.headers.has(name)).toBe(false)
}

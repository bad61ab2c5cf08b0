import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseResponse, sendBytes } from '@/e2e/support/raw-http'
import { requestLinkPath } from '@/e2e/support/endpoint-paths'
import { smugglingAttempts } from '@/e2e/support/smuggled-requests'
import { startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

let app: RunningApp
/** An attacker would make the app connect to this server. */
let inside: Server
let port: number
let connections = 0
beforeAll(async () => {
  inside = createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Inside: 1\r\n\r\ninside')
  })
  await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve))
  port = (inside.address() as AddressInfo).port
  app = await startApp()
})
afterAll(async () => {
  await app?.stop()
  inside?.close()
})
beforeEach(() => {
  connections = 0
})

const send = (bytes: string) => sendBytes(app.port, bytes, { timeout: 2_000 })

const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

describe('connections to another host [C18, CVE-2026-44578, GHSA-c4j6-fc7j-m34r, CVE-2026-64649, CVE-2026-64645]', () => {
  const targets = () => [
    '/',
    '/reset-password/',
    requestLinkPath,
    '/_next/webpack-hmr',
    '/_next/hmr?id=1',
    '/_next/static/x',
    `http://127.0.0.1:${port}/`,
    `ws://127.0.0.1:${port}/`,
    `//127.0.0.1:${port}/`,
    `/\\127.0.0.1:${port}/`,
    `/http://127.0.0.1:${port}/`,
    `/_next/image?url=http://127.0.0.1:${port}/`,
    `127.0.0.1:${port}`,
    `@127.0.0.1:${port}/`,
    `/@127.0.0.1:${port}/`,
    '*',
  ]
  const hosts = () => ['127.0.0.1', `127.0.0.1:${port}`]

  test('a web socket is rejected on every target, and the app connects to no other host [C18, CVE-2026-44578]', async () => {
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
    for (const upgrade of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket/13']) {
      const responses = await Promise.all(
        targets().flatMap((target) =>
          hosts().map(async (host) => {
            const lines = [
              `GET ${target} HTTP/1.1`,
              `Host: ${host}`,
              'Connection: Upgrade',
              `Upgrade: ${upgrade}`,
              key,
            ]
            const { text, closed } = await send(`${lines.join('\r\n')}\r\n\r\n`)
            return [target, host, parseResponse(text).status, closed]
          }),
        ),
      )
      expect(responses).toEqual(
        targets().flatMap((target) => hosts().map((host) => [target, host, 400, true])),
      )
    }
    expect(connections).toBe(0)
  })

  test('other upgrades are ignored, and the app connects to no other host [C18]', async () => {
    for (const upgrade of ['h2c', 'TLS/1.0', 'HTTP/2.0', 'tcp', `127.0.0.1:${port}`]) {
      const lines = [
        'GET / HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade, close',
        `Upgrade: ${upgrade}`,
      ]
      const { text } = await send(`${lines.join('\r\n')}\r\n\r\n`)
      expect([upgrade, parseResponse(text).status]).toEqual([upgrade, 307])
    }
    expect(connections).toBe(0)
  })

  test('absolute targets, authorities and CONNECT are rejected, and the app connects to no other host [C18]', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'OPTIONS', 'CONNECT', 'PUT', 'PROPFIND']
    const schemes = ['http', 'https', 'ws', 'ftp', 'file', 'gopher', 'HTTP']
    const elsewhere = [...schemes.map((scheme) => `${scheme}://127.0.0.1:${port}/`), `127.0.0.1:${port}`]
    const responses = await Promise.all(
      methods.flatMap((method) =>
        elsewhere.map(async (target) => {
          const { text } = await send(
            `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
          )
          return [method, target, parseResponse(text).status, text.includes('inside')]
        }),
      ),
    )
    expect(
      responses.filter(([, , status, reached]) => ![400, 405].includes(Number(status)) || reached),
    ).toEqual([])
    expect(connections).toBe(0)
  })

  test('a host, header or field that names a server makes the app neither connect nor redirect there [C18, CVE-2026-64649, CVE-2026-64645]', async () => {
    const url = `http://127.0.0.1:${port}/`
    const names = [
      ...[
        'X-Forwarded-Host',
        'X-Forwarded-Server',
        'X-Original-URL',
        'X-Rewrite-URL',
        'Origin',
        'Referer',
        'Next-Url',
      ],
      ...['X-Middleware-Rewrite', 'X-Nextjs-Rewrite', 'X-Matched-Path', 'X-Invoke-Path', 'X-Invoke-Output'],
      ...[
        'X-Action-Forwarded',
        'X-Action-Redirect',
        'Location',
        'Content-Location',
        'Destination',
        'X-Accel-Redirect',
      ],
    ]
    const starts = ['GET /', 'GET /reset-password/', `POST ${requestLinkPath}`, 'POST /reset-password/']
    for (const start of starts) {
      for (const value of [url, `127.0.0.1:${port}`, `//127.0.0.1:${port}/`]) {
        const body = JSON.stringify({ login: url, url, redirect: url, callback_url: url })
        const lines = names
          .filter((name) => name !== 'Origin' || !start.includes('api'))
          .map((name) => `${name}: ${value}`)
        const action = [
          'Next-Action: 7f00',
          'Content-Type: application/json',
          `Content-Length: ${body.length}`,
        ]
        const head = [
          `${start} HTTP/1.1`,
          `Host: 127.0.0.1:${port}`,
          'Connection: close',
          ...lines,
          ...action,
        ]
        const { text } = await send(`${head.join('\r\n')}\r\n\r\n${body}`)
        const { status, headers } = parseResponse(text)
        expect([200, 307, 405]).toContain(status)
        expect(headers.get('location') ?? '/').toMatch(/^\/(?!\/)/)
      }
    }
    expect(connections).toBe(0)
  })

  test('the build contains no rewrites, redirects or headers [C18]', () => {
    const { rewrites, redirects, headers } = JSON.parse(readFileSync('.next/routes-manifest.json', 'utf8'))
    expect({ rewrites, redirects, headers }).toEqual({
      rewrites: { beforeFiles: [], afterFiles: [], fallback: [] },
      redirects: [],
      headers: [],
    })
  })

  test('the server of these tests counts a connection, so the tests above can fail', async () => {
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('inside')
    expect(connections).toBe(1)
  })
})

describe('request smuggling [C18, CVE-2026-29057]', () => {
  let victim: Person
  beforeAll(async () => {
    victim = await app.addPerson()
  })

  const inner = () => {
    const body = JSON.stringify({ login: victim.username })
    return `${post(`Content-Length: ${body.length}`)}${body}`
  }
  const post = (...lines: string[]) =>
    [`POST ${requestLinkPath} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', ...lines, '', ''].join(
      '\r\n',
    )

  async function linksRequested(): Promise<number> {
    const { rows } = await app.sql.query<{ requested: string }>(
      `SELECT count(*) AS "requested" FROM rekey_queue.job WHERE name = 'link-request' AND data -> 'target' ->> 'login' = $1`,
      [victim.username],
    )
    return Number(rows[0]!.requested)
  }

  test('bytes that smuggle a request are treated as one request at most, and the smuggled one has no effect [C18, CVE-2026-29057]', async () => {
    const before = await linksRequested()
    const attempts = [
      ...smugglingAttempts(requestLinkPath, inner()),
      [
        'a coding under a name with an underscore',
        `${post('Transfer_Encoding: chunked', `Content-Length: ${inner().length + 5}`)}0\r\n\r\n${inner()}`,
      ] as const,
    ]
    const responses = await Promise.all(
      attempts.map(
        async ([what, bytes]) =>
          [what, statusesOf((await send(bytes)).text).filter((status) => status !== 100)] as const,
      ),
    )
    // One response, or none where the parser waits for more, and never a success.
    expect(responses.filter(([, statuses]) => statuses.length > 1 || statuses.includes(200))).toEqual([])
    expect(await linksRequested()).toBe(before)
  })

  test('two well-formed requests on one connection both have an effect, so the test above can fail', async () => {
    const before = await linksRequested()
    const { text } = await send(post('Content-Length: 0') + inner())
    expect(statusesOf(text)).toEqual([400, 200])
    expect(await linksRequested()).toBe(before + 1)
  })
})

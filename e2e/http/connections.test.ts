import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseAnswer, talk } from '@/e2e/support/raw-http'
import { startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

// Requests that make other servers connect to somewhere, or take one request for two.

const ask = '/api/v1/accounts/send-reset-password-link/'

let app: RunningApp
/** A server inside the network that only the app could reach. */
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

/** Everything that comes back for these bytes, until the connection ends or nothing more is to be expected. */
const say = (bytes: string, patience = 2_000) => talk(app.port, bytes, { patience })

const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

describe('connections to elsewhere [C18, CVE-2026-44578, GHSA-c4j6-fc7j-m34r, CVE-2026-64649, CVE-2026-64645]', () => {
  const targets = () => [
    '/',
    '/reset-password/',
    ask,
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

  test('a web socket is refused on every target, and nothing is connected to [C18, CVE-2026-44578]', async () => {
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
    for (const upgrade of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket/13']) {
      const answers = await Promise.all(
        targets().flatMap((target) =>
          hosts().map(async (host) => {
            const lines = [
              `GET ${target} HTTP/1.1`,
              `Host: ${host}`,
              'Connection: Upgrade',
              `Upgrade: ${upgrade}`,
              key,
            ]
            const { text, closed } = await say(`${lines.join('\r\n')}\r\n\r\n`)
            return [target, host, parseAnswer(text).status, closed]
          }),
        ),
      )
      expect(answers).toEqual(targets().flatMap((target) => hosts().map((host) => [target, host, 400, true])))
    }
    expect(connections).toBe(0)
  })

  test('other upgrades are ignored: a plain answer of ours, and nothing is connected to [C18]', async () => {
    for (const upgrade of ['h2c', 'TLS/1.0', 'HTTP/2.0', 'tcp', `127.0.0.1:${port}`]) {
      const lines = [
        'GET / HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade, close',
        `Upgrade: ${upgrade}`,
      ]
      const { text } = await say(`${lines.join('\r\n')}\r\n\r\n`)
      expect([upgrade, parseAnswer(text).status]).toEqual([upgrade, 307])
    }
    expect(connections).toBe(0)
  })

  test('absolute targets, authorities and CONNECT lead nowhere [C18]', async () => {
    const methods = ['GET', 'HEAD', 'POST', 'OPTIONS', 'CONNECT', 'PUT', 'PROPFIND']
    const schemes = ['http', 'https', 'ws', 'ftp', 'file', 'gopher', 'HTTP']
    const elsewhere = [...schemes.map((scheme) => `${scheme}://127.0.0.1:${port}/`), `127.0.0.1:${port}`]
    const answers = await Promise.all(
      methods.flatMap((method) =>
        elsewhere.map(async (target) => {
          const { text } = await say(
            `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
          )
          return [method, target, parseAnswer(text).status, text.includes('inside')]
        }),
      ),
    )
    expect(
      answers.filter(([, , status, reached]) => ![400, 405].includes(Number(status)) || reached),
    ).toEqual([])
    expect(connections).toBe(0)
  })

  test('a host, a header or a field that names a server is not asked anything [C18, CVE-2026-64649, CVE-2026-64645]', async () => {
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
    const starts = ['GET /', 'GET /reset-password/', `POST ${ask}`, 'POST /reset-password/']
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
        const { text } = await say(`${head.join('\r\n')}\r\n\r\n${body}`)
        const { status, headers } = parseAnswer(text)
        expect([200, 307, 405]).toContain(status)
        expect(headers.get('location') ?? '/').toMatch(/^\/(?!\/)/)
      }
    }
    expect(connections).toBe(0)
  })

  test('the build rewrites and redirects nothing by itself [C18]', () => {
    const { rewrites, redirects, headers } = JSON.parse(readFileSync('.next/routes-manifest.json', 'utf8'))
    expect({ rewrites, redirects, headers }).toEqual({
      rewrites: { beforeFiles: [], afterFiles: [], fallback: [] },
      redirects: [],
      headers: [],
    })
  })

  test('a connection would have been seen: the tests above can fail', async () => {
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('inside')
    expect(connections).toBe(1)
  })
})

describe('two requests in one [C18, CVE-2026-29057]', () => {
  let victim: Person
  beforeAll(async () => {
    victim = await app.addPerson()
  })

  /** What an attacker would have somebody else's connection say. */
  const inner = () => {
    const body = JSON.stringify({ login: victim.username })
    return `POST ${ask} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  }
  const outer = (lines: string[], body: string) =>
    [`POST ${ask} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', ...lines, '', body].join('\r\n')
  const size = (text: string) => Buffer.byteLength(text).toString(16)

  async function victimRequested(): Promise<number> {
    const { rows } = await app.sql.query<{ asked: string }>(
      `SELECT count(*) AS "asked" FROM rekey_queue.job WHERE name = 'link-request' AND data -> 'target' ->> 'login' = $1`,
      [victim.username],
    )
    return Number(rows[0]!.asked)
  }

  const corpus: [string, () => string][] = [
    [
      'CL.TE',
      () =>
        outer([`Content-Length: ${inner().length + 5}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE.CL',
      () =>
        outer(
          ['Transfer-Encoding: chunked', 'Content-Length: 4'],
          `${size(inner())}\r\n${inner()}\r\n0\r\n\r\n`,
        ),
    ],
    ['CL.0', () => outer(['Content-Length: 0', `Content-Length: ${inner().length}`], inner())],
    [
      'two lengths, the other way round',
      () => outer([`Content-Length: ${inner().length}`, 'Content-Length: 0'], inner()),
    ],
    ['lengths in a list', () => outer([`Content-Length: 0,${inner().length}`], inner())],
    ['a length with a sign', () => outer(['Content-Length: +0'], inner())],
    ['a length with a blank', () => outer(['Content-Length : 0'], inner())],
    ['a length in hexadecimal', () => outer(['Content-Length: 0x0'], inner())],
    ['TE.TE', () => outer(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], `0\r\n\r\n${inner()}`)],
    ['TE in other words', () => outer(['Transfer-Encoding: xchunked'], `0\r\n\r\n${inner()}`)],
    [
      'TE after a tab',
      () => outer(['Transfer-Encoding:\tchunked', 'Content-Length: 3'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE with a bare CR',
      () => outer(['X: y\rTransfer-Encoding: chunked', 'Content-Length: 3'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE with a bare LF',
      () => outer(['X: y\nTransfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE on a folded line',
      () => outer(['Transfer-Encoding:', ' chunked', 'Content-Length: 3'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE with a vertical tab',
      () => outer(['Transfer-Encoding: \u000bchunked', 'Content-Length: 5'], `0\r\n\r\n${inner()}`),
    ],
    [
      'TE under an underscore',
      () =>
        outer(['Transfer_Encoding: chunked', `Content-Length: ${5 + inner().length}`], `0\r\n\r\n${inner()}`),
    ],
    ['a chunk size with a sign', () => outer(['Transfer-Encoding: chunked'], `-0\r\n\r\n${inner()}`)],
    ['a chunk size with 0x', () => outer(['Transfer-Encoding: chunked'], `0x0\r\n\r\n${inner()}`)],
    [
      'a chunk size of many digits',
      () => outer(['Transfer-Encoding: chunked'], `${'0'.repeat(20)}10000000000000000\r\n${inner()}`),
    ],
    ['a chunk that ends in LF', () => outer(['Transfer-Encoding: chunked'], `2\n{}\n0\n\n${inner()}`)],
    [
      'a chunk extension with LF',
      () => outer(['Transfer-Encoding: chunked'], `2;a\n{}\r\n0\r\n\r\n${inner()}`),
    ],
    ['a bare LF after the head', () => `POST ${ask} HTTP/1.1\nHost: a\nContent-Length: 0\n\n${inner()}`],
    [
      'HTTP/1.0 and chunks',
      () =>
        `POST ${ask} HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inner()}`,
    ],
    ['a request line with another in it', () => `POST ${ask} HTTP/1.1\r\n ${inner()}`],
    ['a line end in the target', () => `POST ${ask}?\n${inner()}`],
    ['an early answer, and a body that is a request', () => outer(['Content-Length: 999999'], inner())],
    [
      'an upgrade that is ignored, and a body',
      () => outer(['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 0'], inner()),
    ],
    [
      'Expect, and a body that comes anyway',
      () => outer(['Expect: 100-continue', 'Content-Length: 999999'], inner()),
    ],
  ]

  test('CL.TE, TE.CL and their kin are one request at most, and nobody is asked for [C18, CVE-2026-29057]', async () => {
    const before = await victimRequested()
    const answers = await Promise.all(
      corpus.map(
        async ([what, bytes]) =>
          [what, statusesOf((await say(bytes())).text).filter((status) => status !== 100)] as const,
      ),
    )
    // One answer, or none where the parser waits for more; and none of them says that something was accepted.
    expect(answers.filter(([, statuses]) => statuses.length > 1 || statuses.includes(200))).toEqual([])
    expect(await victimRequested()).toBe(before)
  })

  test('two proper requests on one connection are two: the test above can fail', async () => {
    const before = await victimRequested()
    const { text } = await say(`${outer(['Content-Length: 0'], '')}${inner()}`)
    expect(statusesOf(text)).toEqual([400, 200])
    expect(await victimRequested()).toBe(before + 1)
  })
})

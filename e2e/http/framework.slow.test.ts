import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, type Sent } from '@/e2e/support/exchange'
import type { RunningApp } from '@/e2e/support/running-app'
import { built, newClientHeader, startBuiltApp, type Line } from '@/e2e/support/built-app'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

const endpoints = [requestLinkPath, resetPath, cancelPath]

let app: RunningApp
beforeAll(async () => void (app = await startBuiltApp()))
afterAll(() => app?.stop())

const send = (sent: Sent) => exchange(app.port, sent)

const routes = Object.values(built('app-path-routes-manifest.json') as Record<string, string>)
  .filter((route) => !route.startsWith('/_'))
  .map((route) => route.replace(/\[\w+\]/g, 'x'))

describe('payloads for Server Functions and Flight [C17, CVE-2025-55182, CVE-2025-66478, CVE-2025-55183, CVE-2025-55184, CVE-2025-67779, CVE-2026-23864, CVE-2026-23869, CVE-2026-23870, CVE-2026-64641, GHSA-5j59-xgg2-r9c4, GHSA-w37m-7fhw-fmv9]', () => {
  const proof = path.join(tmpdir(), `rekey-flight-${process.pid}`)
  afterAll(() => rmSync(proof, { force: true }))

  const code = `process.mainModule.require('fs').writeFileSync(${JSON.stringify(proof)},'');//`
  const action = '7f'.padEnd(42, '0')
  const payloads: Record<string, Record<string, string>> = {
    'an ordinary call': { 0: '["$K1"]', '1_a': 'b' },
    'a reference to the prototype (CVE-2025-55182)': {
      0: JSON.stringify({
        then: '$1:__proto__:then',
        status: 'resolved_model',
        reason: -1,
        value: '{"then":"$B0"}',
        _response: { _prefix: code, _chunks: '$Q2', _formData: { get: '$1:constructor:constructor' } },
      }),
      1: '"$@0"',
      2: '[]',
    },
    'a reference to the constructor': {
      0: '["$1:constructor:constructor"]',
      1: '{}',
      2: '"$1:__proto__:__proto__"',
    },
    'a promise that contains itself (CVE-2025-55184)': { 0: '"$@0"', 1: '{"then":"$@1"}' },
    'promises in a ring (CVE-2025-67779)': { 0: '"$@1"', 1: '"$@2"', 2: '"$@0"' },
    'a request for the source of a function (CVE-2025-55183)': {
      0: '["$h1"]',
      1: JSON.stringify({ id: action, bound: null }),
    },
    'a map that contains itself (CVE-2026-23864)': { 0: '"$Q0"', 1: '"$W1"', 2: '"$i2"' },
    'an immense number (CVE-2026-23869)': { 0: `["$n${'9'.repeat(12_000)}"]` },
    'deeply nested lists (CVE-2026-23870)': { 0: `${'['.repeat(5_000)}${']'.repeat(5_000)}` },
    'many references (CVE-2026-64641)': { 0: `[${Array<string>(2_500).fill('"$1"').join(',')}]`, 1: '{}' },
    'the action of a form': { [`$ACTION_ID_${action}`]: '' },
    'the bound action of a form': {
      $ACTION_REF_1: '',
      '$ACTION_1:0': JSON.stringify({ id: action, bound: '$@1' }),
      '$ACTION_1:1': '["$@1"]',
      $ACTION_KEY: 'k',
    },
  }
  const multipart = (fields: Record<string, string>, prefix = '') =>
    Object.entries(fields)
      .map(
        ([name, value]) =>
          `--x\r\nContent-Disposition: form-data; name="${prefix}${name}"\r\n\r\n${value}\r\n`,
      )
      .join('') + '--x--\r\n'
  const type: Line = ['Content-Type', 'multipart/form-data; boundary=x']
  const calls: [string, Line[]][] = [
    ['with an action', [type, ['Next-Action', action]]],
    ['with a malformed action', [type, ['Next-Action', 'x']]],
    ['without an action', [type]],
    [
      'as Next’s client',
      [
        type,
        ['Next-Action', action],
        ['Accept', 'text/x-component'],
        ['Next-Router-State-Tree', '%5B%22%22%5D'],
        ['Origin', 'null'],
      ],
    ],
    [
      'as text',
      [
        ['Content-Type', 'text/plain;charset=UTF-8'],
        ['Next-Action', action],
      ],
    ],
  ]

  test('the build has no Server Functions [C17]', () => {
    const { node, edge } = built('server/server-reference-manifest.json')
    expect({ node, edge }).toEqual({ node: {}, edge: {} })
  })

  test('the tests below know the routes of the build [C17]', () => {
    expect(routes).toEqual(
      expect.arrayContaining(['/reset-password', '/api/v1/accounts/reset-password', '/']),
    )
  })

  test.each(Object.entries(payloads))(
    'a payload with %s is rejected on every route, and runs no code [C17]',
    async (_what, fields) => {
      for (const route of [...routes, '/nowhere', '/_next/static/chunks/x.js']) {
        for (const [how, headers] of calls) {
          const body =
            how === 'as text' ? fields[0] : multipart(fields, how === 'as Next’s client' ? '1_' : '')
          const response = await send({ path: route, headers: [...headers, newClientHeader()], body })
          const call = [route, how, response.status]
          // 406: the endpoints do not respond in the format of Flight.
          const endpoint = endpoints.includes(`${route}/`)
          expect(endpoint ? [400, 403, 406, 415] : [405], call.join(' ')).toContain(response.status)
          expect(response.json, call.join(' ')).toBeInstanceOf(Object)
          expect([...call, response.headers.allow]).toEqual([...call, endpoint ? undefined : 'GET, HEAD'])
          expect(response.text).not.toMatch(/function|use server|\$@|at .*\.js/)
        }
      }
      expect(existsSync(proof)).toBe(false)
    },
  )

  test('a payload is rejected as quickly as an empty form [C17]', async () => {
    const timed = async (sent: Sent) => {
      const start = performance.now()
      await send({ ...sent, headers: [...sent.headers!, newClientHeader()] })
      return performance.now() - start
    }
    const times: { payload: number[]; plain: number[] } = { payload: [], plain: [] }
    const headers = [type, ['Next-Action', action] as Line]
    for (const [what, fields] of Object.entries(payloads)) {
      for (const route of ['/', '/reset-password/', requestLinkPath, resetPath]) {
        const pair: typeof times = { payload: [], plain: [] }
        for (let n = 0; n < 3; n += 1) {
          pair.plain.push(await timed({ path: route, headers: [type], body: multipart({}) }))
          pair.payload.push(await timed({ path: route, headers, body: multipart(fields) }))
        }
        expect(Math.min(...pair.payload), `${what} ${route}`).toBeLessThan(Math.min(...pair.plain) + 50)
        times.plain.push(...pair.plain)
        times.payload.push(...pair.payload)
      }
    }
    const middle = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]!
    expect(middle(times.payload) - middle(times.plain)).toBeLessThan(10)
    expect(Math.max(...times.payload) - Math.max(...times.plain)).toBeLessThan(500)
  })

  test('no package of React’s Server Functions is installed beside Next [C17]', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: object }
    expect(Object.keys(packages).filter((name) => /react-server-dom-/.test(name))).toEqual([])
  })
})

describe('the image optimiser [C19, GHSA-2xp9-vwfh-vxw4, CVE-2026-64644 / GHSA-q8wf-6r8g-63ch]', () => {
  test('the build switches the image optimiser off [C19]', () => {
    expect(built('images-manifest.json').images).toMatchObject({
      unoptimized: true,
      remotePatterns: [],
      domains: [],
    })
  })

  test('a request for an optimised image gets 404, and the app fetches no image [C19]', async () => {
    let connections = 0
    const elsewhere = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const { port } = elsewhere.address() as AddressInfo
    try {
      const images = [
        '/icon.svg',
        `http://127.0.0.1:${port}/x.png`,
        `//127.0.0.1:${port}/x.png`,
        `/\\127.0.0.1:${port}/x.png`,
        `/_next/image?url=http://127.0.0.1:${port}/`,
        'data:image/svg+xml,<svg/>',
        'file:///etc/passwd',
        '/../../etc/passwd',
        `/${'a'.repeat(8_000)}`,
      ]
      const targets = [
        '/_next/image',
        '/_next/image/',
        '//_next/image',
        '/_next/Image',
        '/_next/image/x',
        '/_next/./image',
      ]
      for (const image of images) {
        for (const target of targets) {
          const query = new URLSearchParams({ url: image, w: '3840', q: '75' })
          const response = await send({
            method: 'GET',
            path: `${target}?${query}`,
            headers: [['Accept', 'image/webp']],
          })
          expect([target, image, response.status]).toEqual([target, image, 404])
          expect(response.headers['content-type']).toMatch(/^(application\/json|text\/html)/)
        }
      }
      expect(connections).toBe(0)
    } finally {
      elsewhere.close()
    }
  })
})

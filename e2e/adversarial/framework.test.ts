import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, type Received, type Sent } from '../contract/exchange'
import { startApp, type RunningApp } from '../world/running-app'

// What was found in Next and React, tried against the app as it is built: on every route that the build has.

const ask = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'
const cancel = '/api/v1/accounts/cancel-reset-password/'
const endpoints = [ask, reset, cancel]
const json: Line = ['Content-Type', 'application/json']
type Line = [name: string, value: string]

let app: RunningApp
beforeAll(async () => {
  // One proxy is trusted, so that each test can be a client of its own.
  app = await startApp({
    env: { TRUSTED_PROXY_HOPS: '1', LIMIT_ASKS_PER_CLIENT: '5/1h', LIMIT_RESETS_PER_CLIENT: '5/1h' },
  })
})
afterAll(() => app?.stop())

let clients = 0
/** The line with which the trusted proxy names a client that was never seen before. */
function newClient(): Line {
  clients += 1
  return ['X-Forwarded-For', `198.51.${clients >> 8}.${clients & 255}`]
}

const send = (sent: Sent) => exchange(app.port, sent)

/** A file that `next build` wrote. */
const built = (name: string) => JSON.parse(readFileSync(path.join('.next', name), 'utf8'))

/** Every route of the build, with something for what is variable. */
const routes = Object.values(built('app-path-routes-manifest.json') as Record<string, string>)
  .filter((route) => !route.startsWith('/_'))
  .map((route) => route.replace(/\[\w+\]/g, 'x'))
const pages = [
  '/',
  '/forgot-password/',
  '/forgot-password/sent/',
  '/reset-password/',
  '/reset-password/done/',
]

async function asksStored(): Promise<number> {
  const { rows } = await app.sql.query<{ stored: string }>(
    `SELECT count(*) AS "stored" FROM pgboss.job WHERE name = 'send-links'`,
  )
  return Number(rows[0]!.stored)
}

/** The headers that protect, without what is new with every answer. */
function guards({ headers }: Received): Record<string, unknown> {
  const names = [
    'cache-control',
    'content-security-policy',
    'cross-origin-opener-policy',
    'cross-origin-resource-policy',
    'permissions-policy',
    'referrer-policy',
    'x-content-type-options',
    'x-frame-options',
    'x-robots-tag',
  ]
  return Object.fromEntries(
    names.map((name) => [name, String(headers[name]).replace(/'nonce-[^']+'/g, "'nonce'")]),
  )
}

describe('C16 (CVE-2025-29927, GHSA-267c-6grr-h53f, GHSA-26hh-7cqf-hhc6, CVE-2026-44574, CVE-2026-64642)', () => {
  const deep = (name: string) => Array<string>(6).fill(name).join(':')
  const lines: Line[] = [
    ['X-Middleware-Subrequest', 'middleware'],
    ['X-Middleware-Subrequest', deep('middleware')],
    ['X-Middleware-Subrequest', deep('src/middleware')],
    ['X-Middleware-Subrequest', 'pages/_middleware'],
    ['X-Middleware-Subrequest', deep('proxy')],
    ['X-Middleware-Subrequest-Id', '0000000000000000'],
    ['X-Middleware-Prefetch', '1'],
    ['X-Middleware-Next', '1'],
    ['X-Middleware-Rewrite', '/api/health/live'],
    ['X-Middleware-Override-Headers', 'x-rekey-client'],
    ['X-Middleware-Request-X-Rekey-Client', '192.0.2.1'],
    ['X-Middleware-Set-Cookie', 'a=b'],
    ['X-Rekey-Client', '192.0.2.2'],
    ['X-Real-IP', '192.0.2.3'],
    ['X-Nextjs-Data', '1'],
    ['X-Nextjs-Rewrite', '/api/health/live'],
    ['X-Matched-Path', '/api/health/live'],
    ['X-Now-Route-Matches', '1=x'],
    ['X-Invoke-Path', '/api/health/live'],
    ['X-Invoke-Status', '200'],
    ['X-Invoke-Query', '%7B%7D'],
    ['X-Invoke-Output', '/api/health/live'],
    ['X-Prerender-Revalidate', 'x'],
    ['X-Prerender-Bypass', 'x'],
    ['X-Next-Revalidated-Tags', 'x'],
    ['X-Next-Revalidate-Tag-Token', 'x'],
    ['Next-Router-State-Tree', '%5B%22%22%2C%7B%7D%5D'],
    ['Next-Router-Prefetch', '1'],
    ['Next-Router-Prefetch', '2'],
    ['Next-Router-Segment-Prefetch', '/_tree'],
    ['Next-Url', '/api/health/live'],
    ['Next-Resume', '1'],
    ['Next-HMR-Refresh', '1'],
    ['RSC', '1'],
    ['RSC', '%31'],
    ['X-Original-URL', '/api/health/live'],
    ['X-Rewrite-URL', '/api/health/live'],
    ['X-HTTP-Method-Override', 'GET'],
    ['X-Method-Override', 'PATCH'],
    ['Cookie', '__prerender_bypass=x; __next_preview_data=x; NEXT_LOCALE=../x'],
  ]
  const queries = [
    '_rsc=1a2b3',
    'nxtPid=x',
    'nxtIid=x',
    'nxtPaccounts=x&nxtPreset-password=x',
    '__nextLocale=de',
    '__nextDefaultLocale=de',
    '__nextDataReq=1',
    '__nextFallback=1',
    '__nextInferredLocaleFromDefault=1',
    '__nextSsgPath=/',
    '__flight__=1',
    'amp=1',
    '_method=GET',
    'url=http://127.0.0.1/',
  ]
  const spellings = (target: string): string[] => {
    const bare = target.replace(/\/$/, '')
    const build = readFileSync('.next/BUILD_ID', 'utf8')
    return [
      `${bare}.rsc`,
      `${bare}/index.rsc`,
      `${bare}.prefetch.rsc`,
      `${bare}.segments/_tree.segment.rsc`,
      `${bare}.segments/_index.segment.rsc`,
      `${bare}.txt`,
      `${bare}.json`,
      `${bare}.action`,
      `/_next/data/${build}${bare}.json`,
      `/_next/data/${build}${bare}.json?nxtPid=x`,
      `/_next${bare}`,
      `/_next/static/..${bare}`,
      `/_next/static/%2e%2e${bare}`,
      `/index${bare}`,
      `/${bare}`,
      `${bare}//`,
      `${bare}/.`,
      `${bare}%2f`,
      `${bare}%20`,
      `${bare}%00`,
      `${bare};x=y/`,
      `${bare}/x`,
      bare.toUpperCase(),
      bare.replace('/api', '/%61pi'),
      bare.replace('/api', '/./api'),
      bare.replace('/api', '/x/../api'),
      bare.replace('/api/', '/api\\'),
      bare.replace('/api', '/en/api'),
    ]
  }

  test.each([
    [ask, { login: 'nobody' }],
    [reset, { user_id: 'x', timestamp: 1, signature: 'x', password: 'x' }],
    [cancel, { user_id: 'x', timestamp: 1, signature: 'x' }],
  ])('C16: nothing that Next knows of gets a client past its limit at %s', async (target, fields) => {
    const client = newClient()
    const body = JSON.stringify(fields)
    const post = (given: Partial<Sent>) =>
      send({ path: target, body, ...given, headers: [json, client, ...(given.headers ?? [])] })
    for (let n = 0; n < 5; n += 1) expect((await post({})).status).toBe(target === ask ? 200 : 400)
    expect((await post({})).status).toBe(429)

    const stored = await asksStored()
    const tried: [string, number][] = []
    for (const line of lines) {
      tried.push([line.join(': '), (await post({ headers: [line] })).status])
      tried.push([`${line.join(': ')}, twice`, (await post({ headers: [line, line] })).status])
    }
    for (const query of queries) tried.push([query, (await post({ path: `${target}?${query}` })).status])
    for (const spelling of spellings(target)) tried.push([spelling, (await post({ path: spelling })).status])
    // 204 and 404: refused before anything is read. 405: a page has that name, and pages take no POST.
    expect(tried.filter(([, status]) => ![429, 204, 400, 404, 405].includes(status))).toEqual([])
    // An address that is the endpoint's own by another name must not have a count of its own either.
    expect(tried.filter(([what, status]) => status === 400 && !what.includes('\\'))).toEqual([])
    expect(await asksStored()).toBe(stored)
    expect((await post({ headers: [] })).status).toBe(429)
    const other = await send({ path: target, headers: [json, newClient()], body })
    expect(other.status).toBe(target === ask ? 200 : 400)
  })

  test.each(pages)('C16, H6, H7: %s is the same page under the same headers, or nothing', async (page) => {
    const heading = ({ text }: Received) => /<h1[^>]*>(.*?)<\/h1>/s.exec(text)?.[1]
    const plain = await send({ method: 'GET', path: page })
    for (const line of lines) {
      const answer = await send({ method: 'GET', path: page, headers: [line] })
      const names = Object.keys(answer.headers).filter((name) =>
        /^x-(next|middleware|matched|powered)/.test(name),
      )
      expect([line, names]).toEqual([line, []])
      if (answer.status === 204) {
        expect([line, answer.text, answer.headers['cache-control']]).toEqual([line, '', 'no-store'])
        continue
      }
      expect([line, answer.status, heading(answer)]).toEqual([line, plain.status, heading(plain)])
      expect([line, answer.headers.location]).toEqual([line, plain.headers.location])
      expect([line, guards(answer)]).toEqual([line, guards(plain)])
    }
    for (const query of queries) {
      const answer = await send({ method: 'GET', path: `${page}?${query}` })
      expect([query, answer.status, guards(answer)]).toEqual([query, plain.status, guards(plain)])
    }
    for (const spelling of spellings(page === '/' ? '/index' : page)) {
      const answer = await send({ method: 'GET', path: spelling })
      expect([spelling, answer.headers['content-type']]).not.toEqual([spelling, 'text/x-component'])
      expect([spelling, [400, 404].includes(answer.status) || heading(answer) === heading(plain)]).toEqual([
        spelling,
        true,
      ])
      expect([spelling, answer.headers['cache-control']]).toEqual([spelling, 'no-store'])
    }
  })

  test('C16: there is no proxy layer that anything could depend on', () => {
    expect(built('server/middleware-manifest.json')).toMatchObject({ middleware: {}, functions: {} })
    for (const file of ['middleware', 'proxy', 'src/middleware', 'src/proxy'])
      for (const kind of ['ts', 'js', 'mjs', 'tsx']) expect(existsSync(`${file}.${kind}`)).toBe(false)
  })
})

describe('C17 (CVE-2025-55182, CVE-2025-66478, CVE-2025-55183, CVE-2025-55184, CVE-2025-67779, CVE-2026-23864, CVE-2026-23869, CVE-2026-23870, CVE-2026-64641, GHSA-5j59-xgg2-r9c4, GHSA-w37m-7fhw-fmv9): Server Functions and Flight', () => {
  const proof = path.join(tmpdir(), `rekey-flight-${process.pid}`)
  afterAll(() => rmSync(proof, { force: true }))

  const code = `process.mainModule.require('fs').writeFileSync(${JSON.stringify(proof)},'');//`
  const action = '7f'.padEnd(42, '0')
  const payloads: Record<string, Record<string, string>> = {
    'an ordinary call': { 0: '["$K1"]', '1_a': 'b' },
    'a way to the prototype (CVE-2025-55182)': {
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
    'another way to it': { 0: '["$1:constructor:constructor"]', 1: '{}', 2: '"$1:__proto__:__proto__"' },
    'a promise of itself (CVE-2025-55184)': { 0: '"$@0"', 1: '{"then":"$@1"}' },
    'promises in a ring (CVE-2025-67779)': { 0: '"$@1"', 1: '"$@2"', 2: '"$@0"' },
    'a function to be shown (CVE-2025-55183)': {
      0: '["$h1"]',
      1: JSON.stringify({ id: action, bound: null }),
    },
    'a map of itself (CVE-2026-23864)': { 0: '"$Q0"', 1: '"$W1"', 2: '"$i2"' },
    'an immense number (CVE-2026-23869)': { 0: `["$n${'9'.repeat(12_000)}"]` },
    'lists in lists (CVE-2026-23870)': { 0: `${'['.repeat(5_000)}${']'.repeat(5_000)}` },
    'many references (CVE-2026-64641)': { 0: `[${Array<string>(2_500).fill('"$1"').join(',')}]`, 1: '{}' },
    'a form’s action': { [`$ACTION_ID_${action}`]: '' },
    'a form’s bound action': {
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
    ['with an action that is none', [type, ['Next-Action', 'x']]],
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

  test('C17: the build has no Server Functions', () => {
    const { node, edge } = built('server/server-reference-manifest.json')
    expect({ node, edge }).toEqual({ node: {}, edge: {} })
  })

  test('C17: the list of routes is that of the build', () => {
    expect(routes).toEqual(
      expect.arrayContaining(['/reset-password', '/api/v1/accounts/reset-password', '/']),
    )
  })

  test.each(Object.entries(payloads))(
    'C17: %s is refused on every route, and runs nothing',
    async (_what, fields) => {
      for (const route of [...routes, '/nowhere', '/_next/static/chunks/x.js']) {
        for (const [how, headers] of calls) {
          const body =
            how === 'as text' ? fields[0] : multipart(fields, how === 'as Next’s client' ? '1_' : '')
          const answer = await send({ path: route, headers: [...headers, newClient()], body })
          const told = [route, how, answer.status]
          // 406: the endpoints have nothing to say in Flight's own format.
          const endpoint = endpoints.includes(`${route}/`)
          expect(endpoint ? [400, 403, 406, 415] : [405], told.join(' ')).toContain(answer.status)
          expect(answer.json, told.join(' ')).toBeInstanceOf(Object)
          expect([...told, answer.headers.allow]).toEqual([...told, endpoint ? undefined : 'GET, HEAD'])
          expect(answer.text).not.toMatch(/function|use server|\$@|at .*\.js/)
        }
      }
      expect(existsSync(proof)).toBe(false)
    },
  )

  test('C17: a payload keeps nobody waiting: it is refused as soon as an empty form is', async () => {
    const timed = async (sent: Sent) => {
      const start = performance.now()
      await send({ ...sent, headers: [...sent.headers!, newClient()] })
      return performance.now() - start
    }
    const times: { payload: number[]; plain: number[] } = { payload: [], plain: [] }
    const headers = [type, ['Next-Action', action] as Line]
    for (const [what, fields] of Object.entries(payloads)) {
      for (const route of ['/', '/reset-password/', ask, reset]) {
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

  test('C17, C19, K4: the versions are past the known holes', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>
    }
    const atLeast = (name: string, least: number[]) => {
      const version = packages[`node_modules/${name}`]!.version.split('.').map(Number)
      const order = least.map((part, at) => version[at]! - part).find((difference) => difference !== 0) ?? 0
      expect([name, version, order >= 0]).toEqual([name, version, true])
    }
    atLeast('next', [16, 3, 3])
    atLeast('nodemailer', [9, 0, 5])
    expect(Object.keys(packages).filter((name) => /react-server-dom-/.test(name))).toEqual([])
  })
})

describe('C19 (GHSA-2xp9-vwfh-vxw4, CVE-2026-64644 / GHSA-q8wf-6r8g-63ch): the image optimiser', () => {
  test('C19: is switched off in the build', () => {
    expect(built('images-manifest.json').images).toMatchObject({
      unoptimized: true,
      remotePatterns: [],
      domains: [],
    })
  })

  test('C19: is not there, whatever image it is asked for, and fetches nothing', async () => {
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
          const answer = await send({
            method: 'GET',
            path: `${target}?${query}`,
            headers: [['Accept', 'image/webp']],
          })
          expect([target, image, answer.status]).toEqual([target, image, 404])
          expect(answer.headers['content-type']).toMatch(/^(application\/json|text\/html)/)
        }
      }
      expect(connections).toBe(0)
    } finally {
      elsewhere.close()
    }
  })
})

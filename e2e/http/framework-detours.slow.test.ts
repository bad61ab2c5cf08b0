import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, type Received, type Sent } from '@/e2e/support/exchange'
import type { RunningApp } from '@/e2e/support/running-app'
import { built, newClientHeader, startBuiltApp, type Line } from '@/e2e/support/built-app'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

// Headers, queries and spellings of paths that mean something to Next.

const json: Line = ['Content-Type', 'application/json']
const pages = [
  '/',
  '/forgot-password/',
  '/forgot-password/sent/',
  '/reset-password/',
  '/reset-password/done/',
]

let app: RunningApp
beforeAll(async () => void (app = await startBuiltApp()))
afterAll(() => app?.stop())

const send = (sent: Sent) => exchange(app.port, sent)

async function requestsStored(): Promise<number> {
  const { rows } = await app.sql.query<{ stored: string }>(
    `SELECT count(*) AS "stored" FROM rekey_queue.job WHERE name = 'link-request'`,
  )
  return Number(rows[0]!.stored)
}

function securityHeadersOf({ headers }: Received): Record<string, unknown> {
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

describe('headers, queries and paths that once bypassed the checks of a framework [C16, CVE-2025-29927, GHSA-267c-6grr-h53f, GHSA-26hh-7cqf-hhc6, CVE-2026-44574, CVE-2026-64642]', () => {
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
    [requestLinkPath, { login: 'nobody' }],
    [resetPath, { user_id: 'x', timestamp: 1, signature: 'x', password: 'x' }],
    [cancelPath, { user_id: 'x', timestamp: 1, signature: 'x' }],
  ])(
    'no header, query or spelling that Next knows gets a client past its rate limit at %s [C16]',
    async (target, fields) => {
      const client = newClientHeader()
      const body = JSON.stringify(fields)
      const post = (given: Partial<Sent>) =>
        send({ path: target, body, ...given, headers: [json, client, ...(given.headers ?? [])] })
      for (let n = 0; n < 5; n += 1)
        expect((await post({})).status).toBe(target === requestLinkPath ? 200 : 400)
      expect((await post({})).status).toBe(429)

      const stored = await requestsStored()
      const attempts: [string, number][] = []
      for (const line of lines) {
        attempts.push([line.join(': '), (await post({ headers: [line] })).status])
        attempts.push([`${line.join(': ')}, twice`, (await post({ headers: [line, line] })).status])
      }
      for (const query of queries) attempts.push([query, (await post({ path: `${target}?${query}` })).status])
      for (const spelling of spellings(target))
        attempts.push([spelling, (await post({ path: spelling })).status])
      // 404: rejected before the body is read. 405: a page has that name, and pages take no POST.
      expect(attempts.filter(([, status]) => ![429, 400, 404, 405].includes(status))).toEqual([])
      // 400 would mean that another spelling of the path reached the handler, with a count of its own.
      expect(attempts.filter(([what, status]) => status === 400 && !what.includes('\\'))).toEqual([])
      expect(await requestsStored()).toBe(stored)
      expect((await post({ headers: [] })).status).toBe(429)
      const other = await send({ path: target, headers: [json, newClientHeader()], body })
      expect(other.status).toBe(target === requestLinkPath ? 200 : 400)
    },
  )

  test.each(pages)(
    'a header, query or spelling that Next knows changes neither the page %s nor its security headers [C16, H6, H7]',
    async (page) => {
      const heading = ({ text }: Received) => /<h1[^>]*>(.*?)<\/h1>/s.exec(text)?.[1]
      const plain = await send({ method: 'GET', path: page })
      for (const line of lines) {
        const response = await send({ method: 'GET', path: page, headers: [line] })
        const names = Object.keys(response.headers).filter((name) =>
          /^x-(next|middleware|matched|powered)/.test(name),
        )
        expect([line, names]).toEqual([line, []])
        if (response.status === 204) {
          expect([line, response.text, response.headers['cache-control']]).toEqual([line, '', 'no-store'])
          continue
        }
        expect([line, response.status, heading(response)]).toEqual([line, plain.status, heading(plain)])
        expect([line, response.headers.location]).toEqual([line, plain.headers.location])
        expect([line, securityHeadersOf(response)]).toEqual([line, securityHeadersOf(plain)])
      }
      for (const query of queries) {
        const response = await send({ method: 'GET', path: `${page}?${query}` })
        expect([query, response.status, securityHeadersOf(response)]).toEqual([
          query,
          plain.status,
          securityHeadersOf(plain),
        ])
      }
      for (const spelling of spellings(page === '/' ? '/index' : page)) {
        const response = await send({ method: 'GET', path: spelling })
        expect([spelling, response.headers['content-type']]).not.toEqual([spelling, 'text/x-component'])
        expect([
          spelling,
          [400, 404].includes(response.status) || heading(response) === heading(plain),
        ]).toEqual([spelling, true])
        expect([spelling, response.headers['cache-control']]).toEqual([spelling, 'no-store'])
      }
    },
  )

  test('the app has no middleware whose checks a request could bypass [C16]', () => {
    expect(built('server/middleware-manifest.json')).toMatchObject({ middleware: {}, functions: {} })
    for (const file of ['middleware', 'proxy', 'src/middleware', 'src/proxy'])
      for (const kind of ['ts', 'js', 'mjs', 'tsx']) expect(existsSync(`${file}.${kind}`)).toBe(false)
  })
})

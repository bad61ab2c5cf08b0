import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseResponse, sendBytes } from '@/e2e/support/raw-http'
import { signedLinks } from '@/e2e/support/signed-links'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'
import { newClient } from '@/e2e/support/new-client'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'

const frontEnd = 'https://front.example'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({
    env: {
      PUBLIC_URL: 'https://id.example.com',
      CORS_ALLOWED_ORIGINS: frontEnd,
      TRUSTED_PROXY_HOPS: '1',
      LIMIT_REQUESTS_PER_CLIENT: '20/1h',
      SECURITY_CONTACT: 'security@example.com',
    },
  })
})
afterAll(() => app?.stop())

async function send(start: string, lines: string[] = [], body = '', client = newClient()) {
  const head = [
    `${start} HTTP/1.1`,
    'Host: id.example.com',
    'Connection: close',
    `X-Forwarded-For: ${client}`,
  ]
  const framing = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const bytes = `${[...head, ...lines, ...framing].join('\r\n')}\r\n\r\n${body}`
  return parseResponse((await sendBytes(app.port, bytes, { timeout: 20_000 })).text)
}

const json = 'Content-Type: application/json'
const form = 'Content-Type: application/x-www-form-urlencoded'

function expectSecurityHeaders(what: string, { headers, status }: Awaited<ReturnType<typeof send>>): void {
  const isPage = headers.get('content-type')?.startsWith('text/html') === true
  const isFile = status === 200 && what.includes('/_next/static/')
  const policy = headers.get('content-security-policy') ?? ''
  expect([what, Object.fromEntries(headers)]).toEqual([
    what,
    expect.objectContaining({
      'strict-transport-security': 'max-age=63072000',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-robots-tag': 'noindex', // H12
      'permissions-policy': expect.stringContaining('camera=()'),
      'cache-control': isFile ? 'public, max-age=31536000, immutable' : 'no-store',
    }),
  ])
  expect([what, policy]).toEqual([
    what,
    isPage
      ? expect.stringMatching(
          /^default-src 'none'; script-src 'nonce-[A-Za-z0-9+/]{22}==' 'strict-dynamic'; /,
        )
      : "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ])
  for (const directive of ["base-uri 'none'", "frame-ancestors 'none'"])
    expect([what, policy.split('; ').includes(directive)]).toEqual([what, true])
  if (isPage) {
    for (const directive of ["object-src 'none'", "form-action 'self'", "connect-src 'self'"])
      expect([what, policy.split('; ').includes(directive)]).toEqual([what, true])
  }
  expect([what, policy]).not.toEqual([what, expect.stringMatching(/unsafe-|\*|https?:/)])
  const unwanted = [...headers.keys()].filter((name) =>
    /^(server|x-powered-by|set-cookie|x-next.*)$/.test(name),
  )
  expect([what, unwanted]).toEqual([what, []])
}

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>
}
const versions = [
  process.versions.node,
  ...['next', 'nodemailer', 'prisma', 'react', 'pg'].map((name) => dependencies[name]!),
]

/** Expects that a body reveals no source, path, secret or version (I8, K3). */
function expectNoInternals(what: string, body: string): void {
  expect([
    what,
    /node_modules|\bat [\w.]+ \(|\.ts:\d|SELECT |[Pp]risma|PostgreSQL|pgboss|\/(home|tmp|usr|work|root)\//.exec(
      body,
    )?.[0],
  ]).toEqual([what, undefined])
  const database = new URL(app.database.url).pathname.slice(1)
  const internals = [app.secret, database, app.sink.url, process.cwd(), ...versions]
  expect([what, internals.filter((text) => body.includes(text))]).toEqual([what, []])
}

describe('headers and bodies of all responses [H3, H6, H7, H12, I8]', () => {
  const hashedFile = () =>
    `/_next/static/chunks/${readdirSync('.next/static/chunks').find((name) => name.endsWith('.js'))}`

  test('pages, files, redirects and errors carry the security headers and reveal no internals', async () => {
    const requests: [start: string, status: number][] = [
      ['GET /', 307],
      ['GET /forgot-password/', 200],
      ['GET /forgot-password', 200],
      ['HEAD /forgot-password/', 200],
      ['GET /forgot-password/sent/', 200],
      ['GET /reset-password/', 200],
      ['GET /reset-password/?user_id=x&timestamp=1&signature=x', 200],
      ['GET /reset-password/done/', 200],
      ['GET /cancel-reset/', 200],
      ['GET /cancel-reset/done/', 200],
      ['GET /.well-known/change-password', 303],
      ['GET /.well-known/security.txt', 200],
      ['GET /icon.svg', 200],
      [`GET ${hashedFile()}`, 200],
      ['GET /_next/static/chunks/gone.js', 404],
      ['GET /_next/image?url=/icon.svg&w=64&q=75', 404],
      ['GET /api/health/live', 200],
      ['GET /api/health/ready', 200],
      ['GET /dev/mailbox/', 404],
      ['GET /nowhere', 404],
      ['GET /api/v1/accounts/nowhere/', 404],
      ['GET //id.example.com/forgot-password/', 404],
      ['GET /forgot-password/%2e%2e/', 404],
      ['GET https://id.example.com/', 400],
      ['OPTIONS *', 400],
      ['TRACE /', 405],
      [`TRACE ${requestLinkPath}`, 405],
      ['POST /', 405],
      ['POST /reset-password/', 405],
      ['PROPFIND /forgot-password/', 405],
      ['BREW /', 405],
      [`GET ${requestLinkPath}`, 405],
      [`HEAD ${resetPath}`, 405],
      [`DELETE ${cancelPath}`, 405],
      [`OPTIONS ${requestLinkPath}`, 200],
    ]
    const responses = await Promise.all(requests.map(([start]) => send(start)))
    for (const [at, [start, status]] of requests.entries()) {
      const response = responses[at]!
      expect([start, response.status]).toEqual([start, status])
      expectSecurityHeaders(start, response)
      // Scripts name modules. e2e/secrets/ searches them for secrets.
      if (!start.endsWith('.js') || status !== 200) expectNoInternals(start, response.body)
    }
  })

  test('endpoints carry the security headers and reveal no internals, whatever their status', async () => {
    const person = await app.addPerson()
    const link = { ...(await signedLinks({ ...app, url: 'https://id.example.com' }).linkOf(person)) }
    const good = JSON.stringify({ ...link, password: newPassword() })
    const posts: [path: string, lines: string[], body: string, status: number][] = [
      [requestLinkPath, [json], '{"login":"nobody"}', 200],
      [requestLinkPath, [form, 'Accept: text/html'], 'login=nobody', 303],
      [requestLinkPath, [form, 'Accept: text/html'], 'login=', 303],
      [requestLinkPath, [json], '{}', 400],
      [requestLinkPath, [json], '{', 400],
      [requestLinkPath, [json, 'Origin: https://evil.example'], '{}', 403],
      [requestLinkPath, [json, 'X-Forwarded-Proto: http'], '{}', 403],
      [requestLinkPath, [json, 'Accept: image/png'], '{}', 406],
      [requestLinkPath, [json], ' '.repeat(17_000), 413],
      [requestLinkPath, ['Content-Type: text/plain'], 'x', 415],
      [requestLinkPath, [json, 'Content-Encoding: gzip'], 'x', 415],
      [requestLinkPath, [json, 'Expect: tea'], '{}', 417],
      [requestLinkPath, [json, `X: ${'a'.repeat(20_000)}`], '{}', 431],
      [resetPath, [json], '{"user_id":"x","timestamp":1,"signature":"x","password":"x"}', 400],
      [resetPath, [json], good, 200],
      [resetPath, [json], good, 400],
      [cancelPath, [json], '{"user_id":"x","timestamp":1,"signature":"x"}', 400],
    ]
    for (const [path, lines, body, status] of posts) {
      const what = `POST ${path} ${lines.join(', ').slice(0, 80)} ${body.slice(0, 60)}`
      const response = await send(`POST ${path}`, lines, body)
      expect([what, response.status]).toEqual([what, status])
      expectSecurityHeaders(what, response)
      expectNoInternals(what, response.body)
    }
    const [busy, statuses] = ['198.51.100.250', [] as number[]]
    for (let n = 0; n < 21; n += 1) {
      const response = await send(`POST ${requestLinkPath}`, [json], '{"login":"nobody"}', busy)
      statuses.push(response.status)
      expectSecurityHeaders(`request number ${n}`, response)
    }
    expect(statuses).toEqual([...Array<number>(20).fill(200), 429])
  })

  test('a 500 and a 503 carry the security headers and reveal no internals', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: 'https://id.example.com' }).linkOf(person)
    const body = JSON.stringify({ ...link, password: newPassword() })
    await app.sql.query('ALTER TABLE "rekey"."users" RENAME TO "users_renamed"')
    try {
      const response = await send(`POST ${resetPath}`, [json], body)
      expect([response.status, JSON.parse(/\{.*\}/s.exec(response.body)![0])]).toEqual([
        500,
        { detail: expect.any(String) },
      ])
      expectSecurityHeaders('500', response)
      expectNoInternals('500', response.body)
      const query = new URLSearchParams({ ...link, timestamp: String(link.timestamp) })
      const page = await send(`GET /reset-password/?${query}`)
      expect(page.status).toBe(200)
      expectSecurityHeaders('the page of a link during a fault', page)
      expectNoInternals('the page of a link during a fault', page.body)
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."users_renamed" RENAME TO "users"')
    }
    // A request that cannot be counted is rejected.
    await app.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_renamed"')
    try {
      const response = await send(`POST ${requestLinkPath}`, [json], '{"login":"nobody"}')
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '30'])
      expectSecurityHeaders('503', response)
      expectNoInternals('503', response.body)
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."limits_renamed" RENAME TO "limits"')
    }
    expect((await send(`POST ${resetPath}`, [json], body)).status).toBe(200)
  })
})

describe('well-known addresses', () => {
  test('the address that password managers use redirects to the page that requests a link [H10]', async () => {
    for (const method of ['GET', 'HEAD']) {
      const response = await send(`${method} /.well-known/change-password`)
      expect(response.status).toBe(303)
      expect(response.headers.get('location')).toBe('/forgot-password/')
      expect((await send(`${method} ${response.headers.get('location')}`)).status).toBe(200)
    }
  })

  test('security.txt names the contact for vulnerabilities, and expires in 30 days [H12]', async () => {
    const response = await fetch(`${app.url}/.well-known/security.txt`)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const [contact, expires, canonical] = (await response.text()).split('\n')
    expect(contact).toBe('Contact: mailto:security@example.com')
    expect(canonical).toBe('Canonical: https://id.example.com/.well-known/security.txt')
    const days = (Date.parse(expires!.replace('Expires: ', '')) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29)
    expect(days).toBeLessThanOrEqual(30)
  })

  test('an unknown address gets 404, so that password managers can trust the known one [H10]', async () => {
    const probe = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
    for (const path of [
      probe,
      `${probe}/`,
      '/.well-known/',
      '/.well-known/nothing',
      '/change-password',
      '/admin',
    ])
      for (const method of ['GET', 'HEAD'])
        expect([path, (await send(`${method} ${path}`)).status]).toEqual([path, 404])
  })
})

test('no origin but the listed one may read a response, even if it looks like the listed one [H9]', async () => {
  const otherOrigins = [
    'https://evil.example',
    'null',
    'https://front.example.evil.example',
    'https://evilfront.example',
    'https://evil.front.example',
    'https://front.exampl',
    'http://front.example',
    'https://front.example:8443',
    'https://front.example:443',
    'https://front.example/',
    'https://user@front.example',
    'https://FRONT.example',
    `${frontEnd}, https://evil.example`,
    '*',
    '',
  ]
  const readable = async (origin: string, method: string, path: string) => {
    const lines = [`Origin: ${origin}`, method === 'OPTIONS' ? 'Access-Control-Request-Method: POST' : json]
    const { headers, status } = await send(`${method} ${path}`, lines, method === 'POST' ? '{}' : '')
    return { status, origin: headers.get('access-control-allow-origin'), vary: headers.get('vary') }
  }
  for (const path of [requestLinkPath, resetPath, cancelPath]) {
    for (const method of ['POST', 'OPTIONS']) {
      const responses = await Promise.all(otherOrigins.map((origin) => readable(origin, method, path)))
      for (const [at, response] of responses.entries()) {
        const sent = [otherOrigins[at], method, path]
        expect([...sent, response.status, response.origin]).toEqual([...sent, 403, undefined])
        expect(response.vary).toMatch(/\bOrigin\b/)
      }
      expect((await readable(frontEnd, method, path)).origin).toBe(frontEnd)
    }
  }
  for (const path of ['/', '/forgot-password/', '/reset-password/', '/api/health/ready', '/nowhere'])
    expect([path, (await readable(frontEnd, 'GET', path)).origin]).toEqual([path, undefined])
})

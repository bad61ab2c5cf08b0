import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAnswer, talk } from '@/e2e/support/raw-http'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'

// What every answer of the running app carries, whatever it is to: the same over all routes, methods and statuses.

const front = 'https://front.example'
const ask = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'
const cancel = '/api/v1/accounts/cancel-reset-password/'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({
    env: {
      PUBLIC_URL: 'https://id.example.com',
      CORS_ALLOWED_ORIGINS: front,
      TRUSTED_PROXY_HOPS: '1',
      LIMIT_REQUESTS_PER_CLIENT: '20/1h',
      SECURITY_CONTACT: 'security@example.com',
    },
  })
})
afterAll(() => app?.stop())

let clients = 0
function newClient(): string {
  clients += 1
  return `198.51.${clients >> 8}.${clients & 255}`
}

/** Sends bytes as a client of its own, and reads the answer. */
async function speak(start: string, lines: string[] = [], body = '', client = newClient()) {
  const head = [
    `${start} HTTP/1.1`,
    'Host: id.example.com',
    'Connection: close',
    `X-Forwarded-For: ${client}`,
  ]
  const framing = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const bytes = `${[...head, ...lines, ...framing].join('\r\n')}\r\n\r\n${body}`
  return parseAnswer((await talk(app.port, bytes, { patience: 20_000 })).text)
}

const json = 'Content-Type: application/json'
const form = 'Content-Type: application/x-www-form-urlencoded'

/** Everything that must be on each answer; what differs between a page, a hashed file and the rest is told apart. */
function expectGuarded(what: string, { headers, status }: Awaited<ReturnType<typeof speak>>): void {
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
  const told = [...headers.keys()].filter((name) => /^(server|x-powered-by|set-cookie|x-next.*)$/.test(name))
  expect([what, told]).toEqual([what, []])
}

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>
}
const versions = [
  process.versions.node,
  ...['next', 'nodemailer', 'prisma', 'react', 'pg'].map((name) => dependencies[name]!),
]

/** Nothing that tells where an answer was made or what it was made with (I8, K3). */
function expectDiscreet(what: string, body: string): void {
  expect([
    what,
    /node_modules|\bat [\w.]+ \(|\.ts:\d|SELECT |[Pp]risma|PostgreSQL|pgboss|\/(home|tmp|usr|work|root)\//.exec(
      body,
    )?.[0],
  ]).toEqual([what, undefined])
  const database = new URL(app.database.url).pathname.slice(1)
  const telling = [app.secret, database, app.sink.url, process.cwd(), ...versions]
  expect([what, telling.filter((text) => body.includes(text))]).toEqual([what, []])
}

describe('every answer [H3, H6, H7, H12, I8]', () => {
  const hashedFile = () =>
    `/_next/static/chunks/${readdirSync('.next/static/chunks').find((name) => name.endsWith('.js'))}`

  test('of a page, a file, a redirect, or nothing at all', async () => {
    const answers: [start: string, status: number][] = [
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
      [`TRACE ${ask}`, 405],
      ['POST /', 405],
      ['POST /reset-password/', 405],
      ['PROPFIND /forgot-password/', 405],
      ['BREW /', 405],
      [`GET ${ask}`, 405],
      [`HEAD ${reset}`, 405],
      [`DELETE ${cancel}`, 405],
      [`OPTIONS ${ask}`, 200],
    ]
    const given = await Promise.all(answers.map(([start]) => speak(start)))
    for (const [at, [start, status]] of answers.entries()) {
      expect([start, given[at]!.status]).toEqual([start, status])
      expectGuarded(start, given[at]!)
      // What the browser is to run names modules; it is searched for secrets as a whole elsewhere.
      if (!start.endsWith('.js') || status !== 200) expectDiscreet(start, given[at]!.body)
    }
  })

  test('of an endpoint, taken or refused, to a program and to a browser’s form', async () => {
    const person = await app.addPerson()
    const link = { ...(await signedLinks({ ...app, url: 'https://id.example.com' }).linkOf(person)) }
    const good = JSON.stringify({ ...link, password: newPassword() })
    const posts: [path: string, lines: string[], body: string, status: number][] = [
      [ask, [json], '{"login":"nobody"}', 200],
      [ask, [form, 'Accept: text/html'], 'login=nobody', 303],
      [ask, [form, 'Accept: text/html'], 'login=', 303],
      [ask, [json], '{}', 400],
      [ask, [json], '{', 400],
      [ask, [json, 'Origin: https://evil.example'], '{}', 403],
      [ask, [json, 'X-Forwarded-Proto: http'], '{}', 403],
      [ask, [json, 'Accept: image/png'], '{}', 406],
      [ask, [json], ' '.repeat(17_000), 413],
      [ask, ['Content-Type: text/plain'], 'x', 415],
      [ask, [json, 'Content-Encoding: gzip'], 'x', 415],
      [ask, [json, 'Expect: tea'], '{}', 417],
      [ask, [json, `X: ${'a'.repeat(20_000)}`], '{}', 431],
      [reset, [json], '{"user_id":"x","timestamp":1,"signature":"x","password":"x"}', 400],
      [reset, [json], good, 200],
      [reset, [json], good, 400],
      [cancel, [json], '{"user_id":"x","timestamp":1,"signature":"x"}', 400],
    ]
    for (const [path, lines, body, status] of posts) {
      const what = `POST ${path} ${lines.join(', ').slice(0, 80)} ${body.slice(0, 60)}`
      const answer = await speak(`POST ${path}`, lines, body)
      expect([what, answer.status]).toEqual([what, status])
      expectGuarded(what, answer)
      expectDiscreet(what, answer.body)
    }
    const [busy, statuses] = ['198.51.100.250', [] as number[]]
    for (let n = 0; n < 21; n += 1) {
      const answer = await speak(`POST ${ask}`, [json], '{"login":"nobody"}', busy)
      statuses.push(answer.status)
      expectGuarded(`ask number ${n}`, answer)
    }
    expect(statuses).toEqual([...Array<number>(20).fill(200), 429])
  })

  test('of a fault of ours', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: 'https://id.example.com' }).linkOf(person)
    const body = JSON.stringify({ ...link, password: newPassword() })
    // A table that is gone is nothing that anybody foresaw.
    await app.sql.query('ALTER TABLE "rekey"."users" RENAME TO "users_mislaid"')
    try {
      const answer = await speak(`POST ${reset}`, [json], body)
      expect([answer.status, JSON.parse(/\{.*\}/s.exec(answer.body)![0])]).toEqual([
        500,
        { detail: expect.any(String) },
      ])
      expectGuarded('500', answer)
      expectDiscreet('500', answer.body)
      const query = new URLSearchParams({ ...link, timestamp: String(link.timestamp) })
      const page = await speak(`GET /reset-password/?${query}`)
      expect(page.status).toBe(200)
      expectGuarded('the page of a fault', page)
      expectDiscreet('the page of a fault', page.body)
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."users_mislaid" RENAME TO "users"')
    }
    // The limiter's table is needed before all else; without it nothing passes uncounted.
    await app.sql.query('ALTER TABLE "rekey"."limits" RENAME TO "limits_mislaid"')
    try {
      const answer = await speak(`POST ${ask}`, [json], '{"login":"nobody"}')
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '30'])
      expectGuarded('503', answer)
      expectDiscreet('503', answer.body)
    } finally {
      await app.sql.query('ALTER TABLE "rekey"."limits_mislaid" RENAME TO "limits"')
    }
    expect((await speak(`POST ${reset}`, [json], body)).status).toBe(200)
  })
})

describe('well-known addresses', () => {
  test('password managers are led to the page that changes a password, and it is there [H10]', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await speak(`${method} /.well-known/change-password`)
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toBe('/forgot-password/')
      expect((await speak(`${method} ${answer.headers.get('location')}`)).status).toBe(200)
    }
  })

  test('security.txt says where to report a vulnerability, for the month to come [H12]', async () => {
    const answer = await fetch(`${app.url}/.well-known/security.txt`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const [contact, expires, canonical] = (await answer.text()).split('\n')
    expect(contact).toBe('Contact: mailto:security@example.com')
    expect(canonical).toBe('Canonical: https://id.example.com/.well-known/security.txt')
    const days = (Date.parse(expires!.replace('Expires: ', '')) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(29)
    expect(days).toBeLessThanOrEqual(30)
  })

  test('what does not exist says so, so that they can believe the rest [H10]', async () => {
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
        expect([path, (await speak(`${method} ${path}`)).status]).toEqual([path, 404])
  })
})

test('no origin but the listed one may read an answer, however much it looks like it [H9]', async () => {
  const strangers = [
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
    `${front}, https://evil.example`,
    '*',
    '',
  ]
  const readable = async (origin: string, method: string, path: string) => {
    const lines = [`Origin: ${origin}`, method === 'OPTIONS' ? 'Access-Control-Request-Method: POST' : json]
    const { headers, status } = await speak(`${method} ${path}`, lines, method === 'POST' ? '{}' : '')
    return { status, origin: headers.get('access-control-allow-origin'), vary: headers.get('vary') }
  }
  for (const path of [ask, reset, cancel]) {
    for (const method of ['POST', 'OPTIONS']) {
      const refused = await Promise.all(strangers.map((stranger) => readable(stranger, method, path)))
      for (const [at, answer] of refused.entries()) {
        const told = [strangers[at], method, path]
        expect([...told, answer.status, answer.origin]).toEqual([...told, 403, undefined])
        expect(answer.vary).toMatch(/\bOrigin\b/)
      }
      expect((await readable(front, method, path)).origin).toBe(front)
    }
  }
  for (const path of ['/', '/forgot-password/', '/reset-password/', '/api/health/ready', '/nowhere'])
    expect([path, (await readable(front, 'GET', path)).origin]).toEqual([path, undefined])
})

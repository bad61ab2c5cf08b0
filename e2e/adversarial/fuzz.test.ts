import { Agent, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { talk } from '@/server/raw-http'
import { signedLinks } from '../contract/signed-links'
import { asForm, asMultipart } from '../world/form-bodies'
import { newPassword, startApp, type RunningApp } from '../world/running-app'
import { isLong } from '../world/long-form'

// Whatever comes in, every request is answered, and none of the answers is an error of ours.

/** The nightly run sends fifty times as much. */
const long = isLong ? 50 : 1

const ask = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'
const cancel = '/api/v1/accounts/cancel-reset-password/'

type Fuzzed = { method: string; path: string; headers: [string, string][]; body: Buffer }

let app: RunningApp
/** Links that would work, so that what lies behind the signature is reached, too. */
let genuine: { user_id: string; timestamp: number; signature: string }[]
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
beforeAll(async () => {
  app = await startApp()
  const person = await app.addPerson({ firstName: 'Grace', lastName: 'Hopper' })
  const { linkOf } = signedLinks(app)
  genuine = [
    await linkOf(person),
    await linkOf(person, { age: 7200 }),
    await linkOf(person, { purpose: 'cancel' }),
    await linkOf(person, { purpose: 'cancel-change' }),
  ]
})
afterAll(async () => {
  agent.destroy()
  await app?.stop()
})

/** Sends a request and reads the whole answer. */
function send({ method, path, headers, body }: Fuzzed): Promise<number> {
  return new Promise((resolve, reject) => {
    const framing: [string, string][] = body.length > 0 ? [['Content-Length', String(body.length)]] : []
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: app.port,
        method,
        path,
        agent,
        headers: [['Host', 'localhost'], ...framing, ...headers].flat() as unknown as Record<string, string>,
      },
      (incoming) => {
        incoming.resume()
        incoming.on('error', reject)
        incoming.on('end', () => resolve(incoming.statusCode!))
      },
    )
    outgoing.setTimeout(20_000, () =>
      outgoing.destroy(new Error(`No answer to ${method} ${path} within 20 s.`)),
    )
    // A connection that was kept and closed in the same moment says nothing about the request.
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      outgoing.reusedSocket && error.code === 'ECONNRESET'
        ? resolve(send({ method, path, headers: [...headers, ['Connection', 'close']], body }))
        : reject(error),
    )
    outgoing.end(body)
  })
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '0',
    'null',
    '\0',
    '\ud800',
    '\r\n',
    '../..',
    '%',
    '%00',
    '{}',
    "' OR 1=1 --",
    '${7*7}',
    '\ufeff',
  ),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'length'),
  fc
    .integer({ min: 0, max: 16_000 })
    .chain((length) => fc.constantFrom('a', 'é', '😀', '1').map((one) => one.repeat(length / 2))),
  fc.emailAddress(),
)
const value = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.bigInt().map(String),
)
const names = [
  'login',
  'email',
  'user_id',
  'timestamp',
  'signature',
  'password',
  'password_confirm',
  'problem',
  'language',
]

/** An object like those that the endpoints take, more or less. */
const fields = fc
  .tuple(
    fc.option(fc.nat(3), { nil: undefined }),
    fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, text), value, { maxKeys: 6 }),
  )
  .map(([link, rest]): Record<string, unknown> => ({ ...(link !== undefined && genuine[link]), ...rest }))

/** A body and the type that goes with it. */
const wellMeant = fields.chain((object) =>
  fc.constantFrom<[string, string][]>(
    ['application/json', JSON.stringify(object) ?? ''],
    ['application/x-www-form-urlencoded', asForm(object)],
    ['multipart/form-data; boundary=x', asMultipart(object)],
  ),
)
/** The same with some of its bytes changed, left out or doubled. */
const damaged = fc
  .tuple(wellMeant, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }))
  .map(([[type, body], changes]): [string, Buffer] => {
    const bytes = [...Buffer.from(body)]
    for (const [at, byte, how] of changes)
      bytes.splice(bytes.length === 0 ? 0 : at % bytes.length, how === 0 ? 1 : how - 1, byte)
    return [type, Buffer.from(bytes)]
  })
const types = fc.oneof(
  fc.constantFrom(
    'application/json; charset=utf-16',
    'application/json;charset=',
    'APPLICATION/JSON',
    'application/json, text/plain',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="\\"',
    'text/plain',
    'text/x-component',
    ';;;',
    '/',
  ),
  fc.string({ maxLength: 30 }).map(printable),
)
const anything = fc.tuple(
  types,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)
const content: fc.Arbitrary<[string, string | Buffer]> = fc.oneof(
  { weight: 4, arbitrary: wellMeant },
  { weight: 3, arbitrary: damaged },
  { weight: 1, arbitrary: anything },
)

const header: fc.Arbitrary<[string, string]> = fc.tuple(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...[
          'Accept',
          'Accept-Language',
          'Accept-Encoding',
          'Origin',
          'Sec-Fetch-Site',
          'Sec-Fetch-Mode',
          'Cookie',
        ],
        ...[
          'Authorization',
          'Range',
          'If-None-Match',
          'If-Modified-Since',
          'If-Match',
          'Expect',
          'Upgrade',
          'TE',
        ],
        ...['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'X-CSRFToken', 'X-Nonce', 'Next-Url', 'RSC'],
        ...[
          'Access-Control-Request-Method',
          'Access-Control-Request-Headers',
          'Content-Encoding',
          'User-Agent',
          'Date',
        ],
      ),
    },
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/).map((name) => `X-${name}`),
  ),
  fc.oneof(
    fc.constantFrom(
      '*/*',
      'text/html',
      'application/json',
      'application/json;q=',
      'null',
      'same-origin',
      'de',
      'xx-',
      '1',
    ),
    fc.constantFrom(
      '100-continue',
      'gzip',
      'h2c',
      'bytes=0-',
      '*',
      'Basic =',
      'a=%',
      'http://',
      '"',
      ';q=9',
      ',',
    ),
    fc.string({ unit: 'binary', maxLength: 60 }).map(printable),
    fc.integer({ min: 0, max: 8_000 }).map((length) => 'a,'.repeat(length / 2)),
  ),
)

const query = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...names, '_rsc', 'nxtPid', '__nextLocale', 'callbackUrl'), text),
      text,
    ),
    { maxLength: 5 },
  )
  .map((pairs) => pairs.map(([name, one]) => `${escape(name)}=${escape(one)}`).join('&'))
const path = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(ask, reset, cancel) },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          ...[
            '/',
            '/forgot-password/',
            '/forgot-password/sent/',
            '/reset-password/',
            '/reset-password/done/',
          ],
          ...[
            '/cancel-reset/',
            '/cancel-reset/done/',
            '/.well-known/change-password',
            '/api/health/live',
            '/icon.svg',
          ],
          ...[
            '/_next/static/chunks/x.js',
            '/_next/image',
            '/dev/mailbox/',
            '/dev/mailbox/x',
            '/nowhere',
            '/_not-found',
          ],
          ...['/_global-error', '/_error', '/404', '/500', '/index', '/api', '/favicon.ico'],
        ),
      },
      fc.webPath(),
      text.map((segment) => `/${escape(segment)}`),
    ),
    fc.option(query, { nil: '' }),
    fc.boolean(),
  )
  .map(([start, rest, withoutSlash]) => {
    const target = withoutSlash && start.length > 1 ? start.replace(/\/$/, '') : start
    return `${target || '/'}${rest && `?${rest}`}`.slice(0, 8_000)
  })

const fuzzed: fc.Arbitrary<Fuzzed> = fc
  .record({
    method: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('POST', 'GET') },
      fc.constantFrom(
        'HEAD',
        'OPTIONS',
        'PUT',
        'PATCH',
        'DELETE',
        'TRACE',
        'PROPFIND',
        'QUERY',
        'M-SEARCH',
        'LINK',
      ),
    ),
    path,
    content,
    headers: fc.array(header, { maxLength: 4 }),
  })
  .map(({ method, path, headers, content: [type, body] }) => ({
    method,
    path,
    headers: method === 'POST' || method === 'PUT' ? [['Content-Type', type], ...headers] : headers,
    body: method === 'POST' || method === 'PUT' || method === 'DELETE' ? Buffer.from(body) : Buffer.alloc(0),
  }))

/** What a client of Node's can put into a header line: no control characters, nothing beyond Latin-1. */
function printable(characters: string): string {
  return characters.replace(/[^\x20-\x7e\xa0-\xff]/g, '').trim()
}

/** Percent escapes for what cannot stand in a target at all; the rest as it is, well spelt or not. */
function escape(characters: string): string {
  return characters.replace(/[^\x21-\x7e]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

let logged = 0
beforeEach(() => {
  logged = app.output().length
})

/** What in the log of this test would say that something of ours went wrong. */
function faults(): string[] {
  return app
    .output()
    .slice(logged)
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"|sys_crash|sys_restart|sys_killed/.test(line))
}

describe('C15 (CVE-2022-31093, CVE-2026-73418): requests that nobody would think of', () => {
  test(
    'C15: of two thousand, all are answered, none with an error of ours, and the processes live on',
    async () => {
      const seen: Record<number, number> = {}
      await fc.assert(
        fc.asyncProperty(fc.array(fuzzed, { minLength: 8, maxLength: 32, size: 'max' }), async (requests) => {
          const statuses = await Promise.all(requests.map(send))
          for (const status of statuses) seen[status] = (seen[status] ?? 0) + 1
          expect(statuses.filter((status) => status >= 500)).toEqual([])
        }),
        { numRuns: 100 * long, interruptAfterTimeLimit: 45_000 * long, endOnFailure: false },
      )
      const sent = Object.values(seen).reduce((sum, count) => sum + count, 0)
      expect(sent).toBeGreaterThan(500 * long)
      // They are no mere noise: they get as far as a success, a form's page and a refused link.
      for (const status of [200, 303, 400, 404, 405]) expect(seen[status] ?? 0).toBeGreaterThan(0)
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test.each([
    ['a callback that is no URL (CVE-2022-31093)', `${ask}?callbackUrl=%`],
    ['an escape that is none', '/reset-password/?signature=%E0%A4%A'],
    ['an escape of half a character', '/reset-password/?user_id=%ff%fe&timestamp=1&signature=%c3'],
    ['a name that every object has', '/reset-password/?__proto__=1&constructor=2&toString=3&then=4'],
    [
      'a problem that every object has',
      '/forgot-password/?problem=constructor,__proto__,toString,hasOwnProperty',
    ],
    ['brackets', '/reset-password/?signature[]=a&user_id[a][b]=c&timestamp[]=1'],
    [
      'a parameter twice',
      '/reset-password/?signature=a&signature=b&user_id=c&user_id=d&timestamp=1&timestamp=2',
    ],
    ['an immense time', '/reset-password/?user_id=a&timestamp=9007199254740991&signature=b'],
    ['a time that is none', '/cancel-reset/?user_id=a&timestamp=NaN&signature=b'],
  ])('C15: %s', async (_what, target) => {
    const status = await send({ method: 'GET', path: target, headers: [], body: Buffer.alloc(0) })
    expect([200, 405]).toContain(status)
    expect(faults()).toEqual([])
  })

  test.each([
    ['Cookie', '%; =; a; __proto__=b; a=%E0%A4%A'],
    ['Accept-Language', 'xx-XX-x;q=2, *;q=-1, __proto__, constructor, toString'],
    ['Accept-Language', 'a'.repeat(9) + '-' + 'b'.repeat(9)],
    ['Accept', ';q=1,/,*/,application/'],
    ['Authorization', 'Basic %%%'],
    ['Origin', 'http://[::1'],
    ['Content-Type', 'multipart/form-data; boundary="\\'],
    ['If-Modified-Since', 'yesterday'],
    ['Range', 'bytes=-1,9-1'],
  ])('C15 (CVE-2026-73418): a header %s: %s', async (name, line) => {
    for (const path of ['/', '/forgot-password/', '/reset-password/', '/nowhere', '/icon.svg', ask]) {
      const post = path === ask
      const status = await send({
        method: post ? 'POST' : 'GET',
        path,
        headers: [[name, line]],
        body: Buffer.from(post ? '{"login":"nobody"}' : ''),
      })
      expect([path, status < 500]).toEqual([path, true])
    }
    expect(faults()).toEqual([])
  })

  test(
    'C15: bytes that are hardly a request are answered or cut off, and nobody else notices',
    async () => {
      const body = '{"login":"nobody"}'
      const proper = Buffer.from(
        `POST ${ask}?a=b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      const mutated = fc
        .array(fc.tuple(fc.nat(proper.length - 1), fc.nat(255), fc.nat(3)), { minLength: 1, maxLength: 5 })
        .map((changes) => {
          const bytes = [...proper]
          for (const [at, byte, how] of changes) bytes.splice(at, how === 0 ? 1 : how - 1, byte)
          return Buffer.from(bytes)
        })
      await fc.assert(
        fc.asyncProperty(fc.array(mutated, { minLength: 40, maxLength: 40 }), async (requests) => {
          const answers = await Promise.all(
            requests.map((bytes) =>
              talk(app.port, bytes, { until: /^HTTP\/1\.1 (?!100)\d{3}/m, patience: 250 }),
            ),
          )
          const bad = answers.filter(
            ({ text: answer }) => answer !== '' && !/^HTTP\/1\.1 [1-4]\d\d /.test(answer),
          )
          expect(bad).toEqual([])
        }),
        { numRuns: 8 * long, endOnFailure: true },
      )
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test('C15: after all this a person resets a password as ever', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
  })
})

describe('C15 (CVE-2026-73421): something that the app needs is missing while it runs', () => {
  test.each([
    ['"rekey_limits"', 'the counts'],
    ['"rekey_recovery"', 'the epochs'],
    ['"rekey_audit"', 'the audit log'],
    ['"users"', 'the accounts'],
    ['pgboss."job_common"', 'the jobs'],
    ['pgboss."queue"', 'the queues'],
  ])('C15, R8: without %s (%s) nothing succeeds that should not, and nothing is changed', async (table) => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const before = await app.sql.query('SELECT * FROM "users" WHERE "id" = $1', [person.id])
    const password = newPassword()
    await app.sql.query(`ALTER TABLE ${table} RENAME TO "away"`)
    try {
      const resetting = await app.post('reset-password', { ...link, password })
      expect([table, [500, 503].includes(resetting.status)]).toEqual([table, true])
      const asking = await app.post('send-reset-password-link', { login: person.username })
      // Asking needs the counts and the queue. What it promises it keeps once the rest is back.
      const needed = ['"rekey_limits"', 'pgboss."job_common"', 'pgboss."queue"'].includes(table)
      expect([table, needed ? [500, 503].includes(asking.status) : asking.status === 200]).toEqual([
        table,
        true,
      ])
    } finally {
      const [, schema = ''] = /^(pgboss\.)/.exec(table) ?? []
      await app.sql.query(`ALTER TABLE ${schema}"away" RENAME TO ${table.replace('pgboss.', '')}`)
    }
    const after = await app.sql.query('SELECT * FROM "users" WHERE "id" = $1', [person.id])
    expect(after.rows).toEqual(before.rows)
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
  })
})

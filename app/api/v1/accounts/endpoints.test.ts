import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '@/e2e/world/test-database'
import type { Configuration, ResetRequest } from '@/lib/configuration'
import { createLog } from '@/lib/log'
import { migrate } from '@/lib/migrations'
import { createPasswordReset } from '@/lib/password-reset'
import type { Purpose } from '@/lib/reset-link'
import { createServices, type Services } from '@/lib/services'
import { readSettings } from '@/lib/settings'
import * as ask from './send-reset-password-link/route'
import * as reset from './reset-password/route'
import * as cancel from './cancel-reset-password/route'

// The handlers themselves, on a real database and without the server in front: what they refuse, nothing else does.

const own = 'https://id.example.com'
const front = 'https://front.example'

let database: TestDatabase
let sql: pg.Client
let services: Services

/** The parts that the handlers find, with settings of their own. */
const shared = globalThis as { rekeyServices?: Services }
const opened: Services[] = []
function start(env: Record<string, string> = {}): Services {
  const made = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: own,
      SMTP_URL: 'smtp://localhost',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      CORS_ALLOWED_ORIGINS: front,
      LOG_LEVEL: 'fatal',
      LIMIT_ASKS_PER_CLIENT: '1000/1m',
      LIMIT_ASKS_PER_LOGIN: '1000/1m',
      ...env,
    }),
  )
  opened.push(made)
  return (shared.rekeyServices = made)
}

beforeAll(async () => {
  database = await createTestDatabase()
  await migrate(database.url)
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  services = start()
}, 120_000)
beforeEach(() => void (shared.rekeyServices = services))
afterAll(async () => {
  for (const { database: pool } of opened) await pool.close()
  await sql.end()
  await database.drop()
})

type Given = { headers?: Record<string, string>; body?: BodyInit; method?: string }

const requestTo = (path: string, { headers = {}, body, method = 'POST' }: Given) =>
  new Request(`${own}/api/v1/accounts/${path}/`, {
    method,
    headers,
    ...(body !== undefined && { body, duplex: 'half' }),
  } as RequestInit)

const json = { 'Content-Type': 'application/json' }
const form = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html,*/*;q=0.8' }
const login = JSON.stringify({ login: 'nobody' })

const post = (headers: Record<string, string> = {}, body: BodyInit = login) =>
  ask.POST(requestTo('send-reset-password-link', { headers: { ...json, ...headers }, body }))

const asked = async () =>
  Number((await sql.query(`SELECT count(*) FROM pgboss.job WHERE name = 'send-links'`)).rows[0].count)

/** An account, and a link to it. */
async function personWithLink({ accounts, links }: Services, purpose: Purpose) {
  const username = `user-${randomBytes(6).toString('hex')}`
  const id = await accounts.add({
    username,
    email: `${username}@example.com`,
    firstName: '',
    lastName: '',
    locale: null,
    passwordHash: 'a hash',
    isActive: true,
  })
  const { account, now } = await accounts.read(id)
  return { id, link: links.create(purpose, id, Math.floor(now.getTime() / 1000), account!) }
}

/** Refused, whatever is sent, before anything is stored. */
async function expectRefused(answer: Promise<Response>, status: number) {
  const before = await asked()
  expect((await answer).status).toBe(status)
  expect(await asked()).toBe(before)
}

describe('I3: a body of more than 16 KiB', () => {
  const large = JSON.stringify({ login: 'x'.repeat(17_000) })

  test('that says so is refused unread', async () => {
    let read = false
    const body = new ReadableStream(
      {
        pull(controller) {
          read = true
          controller.enqueue(new TextEncoder().encode(large))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    await expectRefused(post({ 'Content-Length': '17012' }, body), 413)
    expect(read).toBe(false)
  })

  test('that does not is refused when it turns out', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent > 1_000) controller.close()
        else controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    await expectRefused(post({}, endless), 413)
    expect(sent).toBeLessThan(30)
  })
})

test.each([
  ['with its client is the client’s fault, not an outage', 'ECONNRESET', 400, 'debug body_cut_off'],
  ['through a fault of ours is told and answered as one', 'ERR_INVALID_STATE', 500, 'error request_failed'],
])('a body that breaks off %s', async (_, code, status, event) => {
  const lines: string[] = []
  const log = createLog('debug', 'test')
  for (const level of ['debug', 'warn', 'error'] as const)
    log[level] = ((line: { event: string }) => void lines.push(`${level} ${line.event}`)) as never
  shared.rekeyServices = { ...services, log }
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"login":'))
    },
    pull(controller) {
      controller.error(Object.assign(new Error('aborted'), { code }))
    },
  })
  await expectRefused(post({}, broken), status)
  expect(lines).toEqual([event])
})

test('I3: an Accept that is longer than any client’s takes anything', async () => {
  const images = (length: number) => 'image/png,'.repeat(length / 10)
  await expectRefused(post({ Accept: images(1020) }), 406)
  expect((await post({ Accept: images(1030) })).status).toBe(200)
})

describe('H8: whose page asks', () => {
  test.each<[string, Record<string, string>]>([
    ['another site', { Origin: 'https://evil.example' }],
    ['a page without an origin', { Origin: 'null' }],
    ['an origin that begins like an allowed one', { Origin: `${front}.evil.example` }],
    ['an origin that begins like ours', { Origin: `${own}.evil.example` }],
    ['our host without TLS', { Origin: 'http://id.example.com' }],
    ['a sister of ours', { Origin: 'https://www.example.com', 'Sec-Fetch-Site': 'same-site' }],
    ['another site that hides its origin', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a sister that hides its origin', { 'Sec-Fetch-Site': 'same-site' }],
  ])('%s is refused', async (_who, headers) => {
    await expectRefused(post(headers), 403)
    await expectRefused(
      reset.POST(requestTo('reset-password', { headers: { ...json, ...headers }, body: '{}' })),
      403,
    )
    await expectRefused(
      cancel.POST(requestTo('cancel-reset-password', { headers: { ...json, ...headers }, body: '{}' })),
      403,
    )
  })

  test('its form, too, is told no rather than led to a page of ours', async () => {
    await expectRefused(post({ ...form, Origin: 'https://evil.example' }, 'login=nobody'), 403)
  })

  test.each<[string, Record<string, string>]>([
    ['our own page', { Origin: own, 'Sec-Fetch-Site': 'same-origin' }],
    ['our own form under no-referrer', { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }],
    ['our own page in an old browser', { Origin: own }],
    ['an allowed front end', { Origin: front, 'Sec-Fetch-Site': 'cross-site' }],
    ['somebody who types', { 'Sec-Fetch-Site': 'none' }],
    ['no browser', {}],
  ])('%s is answered', async (_who, headers) => {
    const before = await asked()
    expect((await post(headers)).status).toBe(200)
    expect(await asked()).toBe(before + 1)
  })
})

describe('H9: CORS', () => {
  const preflight = (origin: string) =>
    reset.OPTIONS(
      requestTo('reset-password', {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      }),
    )

  test('an allowed origin may read answers, of errors too, and never with credentials', async () => {
    for (const answer of [
      await post({ Origin: front }),
      await post({ Origin: front }, '{'),
      preflight(front),
    ]) {
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(front)
      expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull()
      expect(answer.headers.get('Vary')).toContain('Origin')
    }
  })

  test.each(['https://evil.example', 'null', `${front}.evil.example`, 'http://front.example', own])(
    '%s is granted nothing',
    async (origin) => {
      for (const answer of [await post({ Origin: origin }), preflight(origin)]) {
        for (const name of ['Origin', 'Methods', 'Headers'])
          if (origin !== own || name === 'Origin')
            expect(answer.headers.get(`Access-Control-Allow-${name}`)).toBeNull()
      }
      if (origin !== own) expect(preflight(origin).status).toBe(403)
    },
  )
})

test('H3: no answer is to be stored, whatever it says', async () => {
  for (const answer of [
    await post(),
    await post({}, '{'),
    await post({ Origin: 'https://evil.example' }),
    await post(form, 'login=nobody'),
    ask.GET(requestTo('send-reset-password-link', { method: 'GET' })),
    ask.OPTIONS(requestTo('send-reset-password-link', { method: 'OPTIONS' })),
  ])
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
})

describe('switched off', () => {
  test('the endpoints are not there, whatever is sent, and describe nothing', async () => {
    start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    await expectRefused(post(), 404)
    await expectRefused(post({}, '{'), 404)
    for (const one of [ask, reset])
      expect(one.OPTIONS(requestTo('reset-password', { method: 'OPTIONS' })).status).toBe(404)
  })

  test('"this wasn’t me" goes on working, and starts no fresh reset', async () => {
    const off = start({ RESET_PASSWORD_VERIFICATION_ENABLED: 'false' })
    const { id, link } = await personWithLink(off, 'cancel-change')
    expect(await off.passwordReset.lookAtCancel(link)).toMatchObject({ state: 'holds', newLink: false })
    expect(cancel.OPTIONS(requestTo('cancel-reset-password', { method: 'OPTIONS' })).status).toBe(200)
    const press = () =>
      cancel.POST(requestTo('cancel-reset-password', { headers: json, body: JSON.stringify(link) }))
    const before = await asked()
    expect((await press()).status).toBe(200)
    expect((await off.accounts.read(id)).account?.linksEpoch).toBe(1)
    expect(await asked()).toBe(before)
    expect((await press()).status).toBe(400)
  })
})

describe('what cannot be done now is answered 503, and says when to come back', () => {
  async function expectUnavailable(answer: Promise<Response>) {
    const { status, headers } = await answer
    expect([status, headers.get('Retry-After')]).toEqual([503, '30'])
  }

  test('R8: where nothing can be counted', async () => {
    await sql.query('ALTER TABLE "rekey_limits" RENAME TO "rekey_limits_gone"')
    try {
      await expectRefused(post(), 503)
      await expectUnavailable(post())
    } finally {
      await sql.query('ALTER TABLE "rekey_limits_gone" RENAME TO "rekey_limits"')
    }
    expect((await post()).status).toBe(200)
  })

  test('F7: where the queue cannot be written because the database is away', async () => {
    const gone = createServices({
      ...services.settings,
      database: { ...services.settings.database, url: 'postgresql://127.0.0.1:1/x' },
    })
    opened.push(gone)
    const away = {
      ...services,
      passwordReset: {
        ...services.passwordReset,
        requestLink: async () => (await gone.accounts.read('0'), { ok: true, found: 'not-told' }),
      },
    }
    shared.rekeyServices = away as unknown as Services
    await expectUnavailable(post())
  })

  test('F14: where too many passwords wait to be hashed', async () => {
    const id = await services.accounts.add({
      username: randomBytes(6).toString('hex'),
      email: 'a@example.com',
      firstName: '',
      lastName: '',
      passwordHash: 'a hash',
      isActive: true,
      locale: null,
    })
    const { account } = await services.accounts.read(id)
    const link = services.links.create('reset', id, Math.floor(Date.now() / 1000), account!)
    const body = JSON.stringify({ ...link, password: 'gravel lantern orchard 7' })
    const rush = Array.from({ length: 90 }, () => services.hash.hash('x').catch(() => undefined))
    const answer = reset.POST(requestTo('reset-password', { headers: json, body }))
    const refill = setInterval(() => rush.push(services.hash.hash('x').catch(() => undefined)), 1)
    await expectUnavailable(answer).finally(() => clearInterval(refill))
    await Promise.all(rush)
    expect((await reset.POST(requestTo('reset-password', { headers: json, body }))).status).toBe(200)
  })
})

test('R4: who is refused is told until when', async () => {
  start({ LIMIT_ASKS_PER_CLIENT: '1/10m' })
  const client = { 'X-Rekey-Client': '203.0.113.77' }
  expect((await post(client)).status).toBe(200)
  const answer = await post(client)
  expect([answer.status, Number(answer.headers.get('Retry-After'))]).toEqual([429, expect.any(Number)])
  expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(590)
})

test('I8: a fault of ours is answered without its words', async () => {
  const faulty = { requestLink: () => Promise.reject(new Error('relation "users" of c4n4ry')) }
  shared.rekeyServices = { ...services, passwordReset: { ...services.passwordReset, ...faulty } }
  const answer = await post()
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toMatch(/c4n4ry|users|Error/)
})

test('I1: what is no object is refused, each with its name', async () => {
  for (const [body, name] of [
    ['[]', 'list'],
    ['"x"', 'str'],
    ['7', 'int'],
    ['true', 'bool'],
  ] as const) {
    const answer = await post({}, body)
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(`but got ${name}`)])
  }
})

test('H5, P11: a form without JavaScript comes back with its link in the address, and nothing that was typed', async () => {
  const link = { user_id: '7', timestamp: '1790000000', signature: 'A'.repeat(86) }
  const typed = { password: 'c4n4ry-typed', login: 'c4n4ry-typed', other: 'c4n4ry-typed' }
  const body = new URLSearchParams({ ...link, ...typed }).toString()
  const answer = await reset.POST(requestTo('reset-password', { headers: form, body }))
  const location = answer.headers.get('Location')!
  expect(answer.status).toBe(303)
  expect(location).not.toContain('c4n4ry')
  expect(Object.fromEntries(new URL(location, own).searchParams)).toEqual({ ...link, problem: 'refused' })
})

describe('what a team adds of its own meets the request', () => {
  const good = 'gravel lantern orchard 7'

  /** An account with two sessions, the fields of a link to it, and the endpoint with these functions of a team's. */
  async function withTeams(configuration: Configuration) {
    await sql.query('CREATE TABLE IF NOT EXISTS "sessions" ("account_id" uuid NOT NULL)')
    const { id, link } = await personWithLink(services, 'reset')
    await sql.query('INSERT INTO "sessions" VALUES ($1), ($1)', [id])
    shared.rekeyServices = {
      ...services,
      passwordReset: createPasswordReset({ ...services, configuration }),
    }
    const sendBody = (body: string) =>
      reset.POST(
        requestTo('reset-password', {
          headers: { ...json, 'x-rekey-client': '203.0.113.7', 'x-csrftoken': 'kept' },
          body,
        }),
      )
    const send = (more: Record<string, unknown>) => sendBody(JSON.stringify({ ...link, ...more }))
    const sessions = async () =>
      (await sql.query('SELECT FROM "sessions" WHERE "account_id" = $1', [id])).rowCount
    return { link, send, sendBody, sessions }
  }

  test('S4, P11: a second factor sees all fields but the passwords, and its no is a 403 that changes nothing', async () => {
    const seen: ResetRequest[] = []
    const { link, send, sessions } = await withTeams({
      secondFactor: async (_account, request) => {
        seen.push(request)
        return request.fields.otp === 123456
      },
    })
    const refused = await send({ password: good, password_confirm: good, otp: 1 })
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'second-factor-required' }])
    expect(seen.map(({ client, fields }) => [client, fields])).toEqual([['203.0.113.7', { ...link, otp: 1 }]])
    expect(seen[0]!.headers.get('x-csrftoken')).toBe('kept')
    expect(await sessions()).toBe(2)
    expect((await send({ password: good, otp: 123456 })).status).toBe(200)
  })

  test('I1, C14: what is nested more deeply than a second factor needs is the client’s fault, and nobody else’s to read', async () => {
    const seen: ResetRequest[] = []
    const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    const bodyOf = (link: object, password: string, otp: string) =>
      `${JSON.stringify({ ...link, password }).slice(0, -1)},"otp":${otp}}`

    const asking = await withTeams({ secondFactor: async (_, request) => seen.push(request) === 0 })
    for (const depth of [33, 8_000]) {
      const refused = await asking.sendBody(bodyOf(asking.link, good, nested(depth)))
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { detail: 'JSON parse error - Nested too deeply' },
      ])
    }
    expect(seen).toEqual([])
    const forged = { ...asking.link, signature: 'A'.repeat(86) }
    const unread = await asking.sendBody(bodyOf(forged, good, nested(8_000)))
    expect(await unread.json()).toMatchObject({ code: 'signature-invalid' })
    const within = `{"a":${nested(31)}}`
    expect((await asking.sendBody(bodyOf(asking.link, good, within))).status).toBe(403)
    expect(seen[0]!.fields.otp).toEqual(JSON.parse(within))

    const plain = await withTeams({})
    expect((await plain.sendBody(bodyOf(plain.link, good, nested(8_000)))).status).toBe(200)
  })

  test('I1, C14: nor does a link request’s own shape get what is nested more deeply', async () => {
    const seen: unknown[] = []
    const linkRequestShape: Configuration['linkRequestShape'] = (body) => {
      seen.push(body.staff)
      return { login: 'nobody' }
    }
    shared.rekeyServices = { ...services, configuration: { linkRequestShape } }
    const nested = (depth: number) => `${'['.repeat(depth)}7${']'.repeat(depth)}`
    for (const depth of [33, 8_000]) {
      const refused = await post({}, `{"staff":${nested(depth)}}`)
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { detail: 'JSON parse error - Nested too deeply' },
      ])
    }
    expect(seen).toEqual([])
    expect((await post({}, `{"staff":${nested(32)}}`)).status).toBe(200)
    expect((await post({}, `{"staff":7}`)).status).toBe(200)
    expect(JSON.stringify(seen[0], (_, one) => (typeof one === 'bigint' ? Number(one) : one))).toBe(
      nested(32),
    )
    expect(seen[1]).toBe(7n)

    shared.rekeyServices = services
    expect((await post({}, `{"login":"nobody","staff":${nested(8_000)}}`)).status).toBe(200)
  })

  test('S1: sessions have ended when the answer comes', async () => {
    const { send, sessions } = await withTeams({
      revokeSessions: async (tx, { id }) => {
        await tx.$executeRaw`DELETE FROM "sessions" WHERE "account_id" = ${id}::uuid`
      },
    })
    expect((await send({ password: 'short' })).status).toBe(400)
    expect(await sessions()).toBe(2)
    expect((await send({ password: good })).status).toBe(200)
    expect(await sessions()).toBe(0)
  })
})

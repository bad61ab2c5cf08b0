import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { exchange, type Received, type Sent } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import {
  readLink,
  startApp,
  type LinkParameters,
  type Person,
  type RunningApp,
} from '@/e2e/support/running-app'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { buildSecrets, isMadeWithSecrets } from '@/e2e/support/build-secrets.js'
import { dump, filesIn, find, isWrittenSince, type Canaries, type Haystack } from '@/e2e/support/canaries'
import { startQuotingMail, type QuotingMail, type Reply } from '@/e2e/support/quoting-mail'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

// Each secret of these requests and emails is unique. Afterwards the tests search all that was logged, sent or stored.

const unique = () => randomBytes(12).toString('hex')
/** A password that is encoded differently in JSON, HTML, URLs and emails. */
const passphrase = () => `Käfig "${unique()}" & <läuft> + 100% \\ ~`
const key = () => randomBytes(32).toString('base64url')

const passwords: Canaries = {
  'the old password': passphrase(),
  'the new password': passphrase(),
  'a rejected password': Array.from({ length: 24 }, () => randomInt(10)).join(''),
  'a password that is too long': `${passphrase()}${'long '.repeat(60)}`,
  'a repeated password': passphrase(),
  'a password with a forged link': passphrase(),
  'a password with an expired link': passphrase(),
  'a password with a used link': passphrase(),
  'a password in a broken body': passphrase(),
  'a password during an outage of the database': passphrase(),
  'a password before a fault': passphrase(),
}
const credentials: Canaries = {
  SECRET_KEY: key(),
  'a fallback of SECRET_KEY': key(),
  'the password of the mail server': `p/${unique()}%@`,
  'the password of the database': `p${unique()}`,
}
const secrets = { ...passwords, ...credentials }
const signatures: Canaries = {}
/** What identifies the account: it may be in emails and in the accounts, and not in logs and responses. */
const personal: Canaries = { 'the username': `user${unique()}`, 'the first name': `Grace${unique()}` }

const json: [string, string] = ['Content-Type', 'application/json']
const browser: [string, string][] = [
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Accept', 'text/html'],
  ['Origin', 'null'],
  ['Sec-Fetch-Site', 'same-origin'],
]

const started = Date.now()
const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-canary-'))
const responses: Haystack[] = []
/** Pages and redirects that contain a link, because they were opened with it. */
const pagesOfTheLink: Haystack[] = []
let database: TestDatabase
let proxy: DatabaseProxy
let mail: QuotingMail
let app: RunningApp
let person: Person
let mailed: LinkParameters
let afterRequest: Haystack[]

beforeAll(async () => {
  database = await withPassword(await createMigratedDatabase(), credentials['the password of the database']!)
  proxy = await startDatabaseProxy(database)
  mail = await startQuotingMail({
    user: 'mail@example.com',
    password: credentials['the password of the mail server']!,
  })
  app = await startApp({
    database: proxy.database,
    env: {
      LOG_LEVEL: 'trace',
      SECRET_KEY: credentials.SECRET_KEY!,
      SECRET_KEY_FALLBACKS: credentials['a fallback of SECRET_KEY']!,
      SMTP_URL: mail.url,
      DATA_DIR: dataDir,
      RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: 'true',
    },
  })
  person = await app.addPerson({
    username: personal['the username']!,
    firstName: personal['the first name']!,
    password: passwords['the old password']!,
  })
  personal['the user id'] = person.id.replaceAll('-', '')
  await runAllRequests()
}, 180_000)
afterAll(async () => {
  await app?.stop()
  await proxy?.close()
  await mail?.close()
  await database?.drop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function send(what: string, sent: Sent, records = responses): Promise<Received> {
  const response = await exchange(app.port, sent)
  const headers = Object.entries(response.headers).map(([name, value]) => `${name}: ${String(value)}`)
  records.push({
    where: `the response to ${what}`,
    text: [response.status, ...headers, response.text].join('\n'),
  })
  return response
}

const post = (what: string, to: string, body: object | string, headers = [json]) =>
  send(what, { path: to, headers, body: typeof body === 'string' ? body : JSON.stringify(body) })
const open = (what: string, to: string, records = responses) =>
  send(what, { method: 'GET', path: to }, records)
const submit = (what: string, to: string, fields: Record<string, string>, records = responses) =>
  send(what, { path: to, headers: browser, body: new URLSearchParams(fields).toString() }, records)

const twice = (password: string) => ({ password, password_confirm: password })

/** Gives this reply to the next email. Returns its links. */
async function email(reply: Reply, cause: () => Promise<unknown>): Promise<LinkParameters[]> {
  const before = mail.given.get(reply) ?? 0
  mail.reply = reply
  await cause()
  await vi.waitFor(() => expect(mail.given.get(reply) ?? 0).toBeGreaterThan(before), { timeout: 40_000 })
  mail.reply = 'taken'
  if (reply === 535) return []
  const links = mail.emails.at(-1)!.links.map(readLink)
  for (const { signature } of links) signatures[`a signature, ${Object.keys(signatures).length}`] = signature
  return links
}

const hurry = () => app.sql.query(`UPDATE rekey_queue.job SET start_after = now() WHERE state = 'retry'`)

const query = (link: LinkParameters) => new URLSearchParams(link).toString()

async function runAllRequests(): Promise<void> {
  const requestLink = () => post('a request', requestLinkPath, { login: person.username })
  const signed = signedLinks(app)

  // The mail server rejects the password, defers an email and rejects one, and quotes the secrets each time.
  await email(535, requestLink)
  await email('taken', hurry)
  await email(451, requestLink)
  await email('taken', hurry)
  await email(550, requestLink)
  const [link] = await email('taken', () =>
    post('a request by email address', requestLinkPath, { login: person.email }),
  )
  mailed = link!
  afterRequest = await dump(app.sql)

  await open('the page of the link', `/reset-password/?${query(mailed)}`, pagesOfTheLink)
  const expectRejected = async (name: string, fields: object = {}) => {
    const response = await post(name, resetPath, { ...mailed, ...twice(passwords[name]!), ...fields })
    expect([name, response.status]).toEqual([name, 400])
  }
  await expectRejected('a rejected password')
  await expectRejected('a password that is too long')
  await expectRejected('a repeated password', { password_confirm: `${passwords['a repeated password']} not` })
  const other = mailed.signature.startsWith('A') ? 'B' : 'A'
  await expectRejected('a password with a forged link', { signature: other + mailed.signature.slice(1) })
  await expectRejected('a password with an expired link', await signed.linkOf(person, { age: 7200 }))
  const form = { ...mailed, ...twice(passwords['a rejected password']!) }
  const redirect = await submit('a form without scripts', resetPath, form, pagesOfTheLink)
  expect(redirect.status).toBe(303)
  await open('the page that it leads to', redirect.headers.location!, pagesOfTheLink)
  await email('taken', () =>
    submit('a form that requests a link', requestLinkPath, { login: person.username }),
  )

  const secret = passwords['a password in a broken body']!
  const whole = JSON.stringify({ ...mailed, ...twice(secret) })
  for (const [body, type] of [
    [whole.slice(0, -1), 'application/json'],
    [whole.replace(',', ',,'), 'application/json'],
    [JSON.stringify(secret), 'application/json'],
    [JSON.stringify([secret]), 'application/json'],
    [
      JSON.stringify({ ...mailed, user_id: [secret], password: { secret }, timestamp: secret }),
      'application/json',
    ],
    [whole, 'text/plain'],
    [whole, 'multipart/form-data; boundary=x'],
    [
      `--x\r\nContent-Disposition: form-data; name="password"\r\n${secret}`,
      'multipart/form-data; boundary=x',
    ],
    [whole + ' '.repeat(20_000), 'application/json'],
  ] as const) {
    const response = await post('a broken body', resetPath, body, [['Content-Type', type]])
    expect([400, 413, 415]).toContain(response.status)
  }
  for (const to of [resetPath, '/reset-password/', '/nowhere/'])
    await send(
      'another method',
      { method: 'PUT', path: `${to}?${query(mailed)}`, body: whole },
      pagesOfTheLink,
    )

  // The database cannot be reached; then it returns an error that quotes the row.
  await proxy.cut()
  const unreachable = { ...mailed, ...twice(passwords['a password during an outage of the database']!) }
  expect((await post('a reset without database', resetPath, unreachable)).status).toBe(503)
  expect((await requestLink()).status).toBe(503)
  await open('a page without database', `/reset-password/?${query(mailed)}`, pagesOfTheLink)
  await proxy.restore()
  await vi.waitFor(async () => expect((await open('readiness', '/api/health/ready')).status).toBe(200), {
    timeout: 30_000,
    interval: 500,
  })
  await app.sql.query(
    `CREATE FUNCTION "quote"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no: %', NEW; END $$`,
  )
  await app.sql.query(
    'CREATE TRIGGER "quote" BEFORE UPDATE ON "rekey"."users" FOR EACH ROW EXECUTE FUNCTION "quote"()',
  )
  const failing = { ...mailed, ...twice(passwords['a password before a fault']!) }
  expect((await post('a reset that fails', resetPath, failing)).status).toBe(500)
  await app.sql.query('DROP TRIGGER "quote" ON "rekey"."users"')

  const good = { ...mailed, ...twice(passwords['the new password']!) }
  const [cancel] = await email('taken', async () => {
    expect((await post('the reset', resetPath, good)).status).toBe(200)
  })
  expect(await app.passwordIs(person, passwords['the new password']!)).toBe(true)
  const again = { ...mailed, ...twice(passwords['a password with a used link']!) }
  expect((await post('the used link', resetPath, again)).json).toMatchObject({ code: 'signature-used' })
  await open('the page of the used link', `/reset-password/?${query(mailed)}`, pagesOfTheLink)
  await email('taken', () => post('a request with the used link', requestLinkPath, mailed))
  await open('the page of the cancel link', `/cancel-reset/?${query(cancel!)}`, pagesOfTheLink)
  await email('taken', async () => {
    expect((await post('the cancel link', cancelPath, cancel!)).status).toBe(200)
  })
  for (const page of [
    '/',
    '/forgot-password/',
    '/forgot-password/sent/',
    '/reset-password/done/',
    '/nowhere/',
  ])
    await open(page, page)
}

const output = (): Haystack => ({ where: 'the output of all processes', text: app.output() })
const emails = (): Haystack[] => mail.emails.map(({ raw, to }) => ({ where: `an email to ${to}`, text: raw }))

test('the search finds a secret that is planted in a log, a response, an email, a table or a file [L3]', async () => {
  const planted = { planted: `x${unique()}` }
  const { planted: value } = planted
  await app.sql.query('CREATE TABLE rekey_queue."planted" AS SELECT $1::jsonb AS "data"', [{ deep: [value] }])
  const file = path.join(dataDir, 'deep.tmp')
  writeFileSync(file, Buffer.from(`bytes\0${value}`))
  const places = [
    { where: 'output', text: `${app.output()}{"msg":"${value}"}\n` },
    { where: 'response', text: `${responses[0]!.text}\nx-debug: ${value}` },
    { where: 'email', text: mail.emails[0]!.raw.replace(/\r\n\r\n/, `\r\nX-Debug: ${value}\r\n\r\n`) },
    ...(await dump(app.sql)),
    ...filesIn(dataDir),
  ]
  const where = find(planted, places).map((finding) => finding.where)
  await app.sql.query('DROP TABLE rekey_queue."planted"')
  rmSync(file)
  expect(where).toEqual(['output', 'response', 'email', 'table rekey_queue.planted', file])
})

test('the requests of this file caused sent, deferred and rejected emails, a reset, a cancelled link and every kind of error [L1]', () => {
  for (const reply of ['taken', 451, 550, 535] as const) expect(mail.given.get(reply)).toBeGreaterThan(0)
  for (const event of ['authn_password_change"', 'authn_token_revoked', 'email_deferred', 'email_failed'])
    expect(app.output()).toContain(event)
  expect(Object.keys(signatures).length).toBeGreaterThan(8)
  const statuses = new Set([...responses, ...pagesOfTheLink].map(({ text }) => text.split('\n', 1)[0]))
  expect([...statuses].sort()).toEqual(
    expect.arrayContaining(['200', '303', '400', '404', '405', '413', '415', '500', '503']),
  )
})

test('no log line at trace level contains a secret, a signature or a name of the account [L3, L5, P11, M8]', () => {
  expect(app.output().length).toBeGreaterThan(1000)
  expect(find({ ...secrets, ...signatures, ...withoutIds(personal) }, [output()])).toEqual([])
})

test('no response contains a password or a key, and only pages of a link contain its signature [P11, K3]', () => {
  expect(find(secrets, [...responses, ...pagesOfTheLink])).toEqual([])
  expect(find(signatures, responses)).toEqual([])
})

test('no response except the page of a link names the account [A4]', () => {
  expect(find(personal, responses)).toEqual([])
})

test('no email contains a password or a key [P11, L3]', () => {
  expect(find(secrets, emails())).toEqual([])
})

test('an email contains no signatures except those of its own links [T7]', () => {
  for (const { raw, to, links } of mail.emails) {
    const own = new Set(links.map((link) => readLink(link).signature))
    const others = Object.entries(signatures).filter(([, signature]) => !own.has(signature))
    expect(find(Object.fromEntries(others), [{ where: to, text: raw }])).toEqual([])
  }
})

test('a dump of all tables contains no password, signature or key, neither after a request nor in the end [T7, P11]', async () => {
  const atTheEnd = await dump(app.sql)
  for (const table of ['table rekey.users', 'table rekey.audit', 'table rekey_queue.job_common']) {
    for (const tables of [afterRequest, atTheEnd])
      expect(tables.find(({ where }) => where === table)?.text).toContain(person.id)
  }
  expect(find({ ...secrets, ...signatures }, [...afterRequest, ...atTheEnd])).toEqual([])
})

test('no file that was written since the start contains a secret, in the data directory or beside the app [L3, T7]', () => {
  const isNew = (at: string) =>
    !/(^|\/)(node_modules|\.git|test-results)$/.test(at) && isWrittenSince(at, started)
  const files = [...filesIn(dataDir), ...filesIn('.', isNew)]
  expect(find({ ...secrets, ...signatures }, files)).toEqual([])
})

test('the scripts of the browser name no secret setting, and no script of browser or server contains a secret [K3]', () => {
  const bundle = [...filesIn('.next/static')]
  expect(bundle.length).toBeGreaterThan(5)
  expect(bundle.map(({ text }) => text).join('')).not.toMatch(
    /SECRET_KEY|SMTP_URL|DATABASE_URL|limits_expire|createHmac/,
  )
  expect(find(secrets, [...bundle, ...filesIn('dist')])).toEqual([])
})

test('a build contains no setting of the environment in which it was made [K3]', (context) => {
  if (!isMadeWithSecrets()) return context.skip('`npm test` makes a build that could hold some')
  const build = [...filesIn('.next'), ...filesIn('dist')]
  expect(build.length).toBeGreaterThan(100)
  expect(find(buildSecrets, build)).toEqual([])
})

test('line breaks, escapes and separators in requests forge no log line [L4]', async () => {
  const forged = '{"level":"fatal","event":"forged","msg":"forged"}'
  for (const breakage of ['\n', '\r\n', '\u2028', '\u0085', '\u001b[2K\u001b[1A', '\\n']) {
    const text = `x${breakage}${forged}${breakage}`
    await post('a forged log line', requestLinkPath, { login: text, [text]: text })
    await post('a forged log line', resetPath, {
      ...mailed,
      user_id: text,
      ...twice(`${text} and more of it`),
    })
    await submit('a forged log line', requestLinkPath, { login: text })
    await open('a forged log line', `/reset-password/?signature=${encodeURIComponent(text)}`)
    const agent = Buffer.from(text.replace(/\p{Cc}/gu, '')).toString('latin1')
    await post('a forged log line', resetPath, '{', [json, ['User-Agent', agent], ['Accept-Language', agent]])
  }
  const lines = app.output().trim().split('\n')
  const others = lines.filter((line) => !line.startsWith('{'))
  expect(others).toEqual([`Rekey is serving on ${app.url}`])
  const events = lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { event?: string })
  expect(events.filter(({ event }) => event === 'forged')).toEqual([])
  expect(app.output()).not.toMatch(/[\u2028\u2029\u0085\u001b]/)
})

/** Log lines name accounts by their ids, which identify no person without the database. */
function withoutIds({ 'the user id': _, ...others }: Canaries): Canaries {
  return others
}

/** The embedded database accepts any password. */
async function withPassword(target: TestDatabase, password: string): Promise<TestDatabase> {
  const url = new URL(target.url)
  url.password = password
  if (target.kind === 'embedded') return { ...target, url: url.href }
  const role = `rekey_canary_${randomBytes(6).toString('hex')}`
  const run = async (server: string, sql: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await run(target.url, `CREATE ROLE "${role}" LOGIN PASSWORD '${password}' IN ROLE current_user`)
  url.username = role
  return {
    ...target,
    url: url.href,
    async drop() {
      await target.drop()
      await run(testServer!, `DROP ROLE "${role}"`)
    },
  }
}

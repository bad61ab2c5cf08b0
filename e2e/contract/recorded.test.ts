import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'

// What DRR answered to recorded requests, sent again to the running app. Where Rekey means to differ, the pair stands in
// the list at the end of decision 0008 and its answer here.

type DrrSettings = {
  REST_REGISTRATION?: Record<string, unknown>
  django?: { AUTH_PASSWORD_VALIDATORS: { OPTIONS: { min_length: number } }[] }
}

type Pair = {
  name: string
  settings: DrrSettings
  method: string
  path: string
  headers: [string, string][]
  body: string | null
  status: number
  json: unknown
}

type Expected = { status: number; json: unknown }

const { pairs } = JSON.parse(readFileSync('e2e/contract/recorded.json', 'utf8')) as { pairs: Pair[] }
const decision = readFileSync('docs/decisions/0008-deviations-from-django-rest-registration.md', 'utf8')

/** The names of the pairs that are listed as different, each with the number of its difference. */
const listed = new Map(
  /```text\n(.*)\n```\s*$/s
    .exec(decision)![1]!
    .split('\n')
    .map((line) => /^(\d+) +(.+)$/.exec(line)!)
    .map(([, number, name]) => [name!, Number(number)]),
)

const invalid: Expected = { status: 400, json: { detail: 'Invalid signature', code: 'signature-invalid' } }
const used: Expected = { status: 400, json: { detail: 'Invalid signature', code: 'signature-used' } }
const expired: Expected = { status: 400, json: { detail: 'Signature expired', code: 'signature-expired' } }
const reset: Expected = { status: 200, json: { detail: 'Reset password successful' } }
const linkSent: Expected = { status: 200, json: { detail: 'Reset link sent' } }
const noUser: Expected = { status: 400, json: { detail: 'User not found', code: 'user-not-found' } }
const notAcceptable: Expected = {
  status: 406,
  json: { detail: 'Could not satisfy the request Accept header.' },
}
const wrong = (field: string, ...messages: string[]): Expected => ({
  status: 400,
  json: { [field]: messages },
})
const noInteger = wrong('timestamp', 'A valid integer is required.')
const parseError = (kind: string): Expected => ({ status: 400, json: { detail: `${kind} parse error - …` } })

/** What the contract has instead of DRR's answer. */
const instead: Record<string, Expected> = {
  'default/send:unicode username NFD form': linkSent,
  'default/reset:user_id zero-width space': invalid,
  'default/reset:tampered user_id (nonexistent)': invalid,
  'default/reset:tampered user_id 0': invalid,
  'default/reset:user_id 1.0': invalid,
  'default/reset:user_id null-like': invalid,
  'default/reset:nonexistent user validly signed': used,
  'default/reset:prec: bad signature + weak password': invalid,
  'default/reset:prec: bad signature + nonexistent user': invalid,
  'default/reset:prec: nonexistent user + bad signature + weak password': invalid,
  'default/reset:prec: expired + weak password': expired,
  'fail_when_user_not_found=False/reset:nonexistent + bad signature': invalid,
  'one_time_use=True/reset:nonexistent user': used,
  'password_confirm=True/reset:mismatch + expired': expired,
  'non_field_errors_key/reset:not found': used,
  'default/reset:signed future +1 h': invalid,
  'default/send:login float': wrong('login', 'Not a valid string.'),
  'default/send:login 1e400': wrong('login', 'Not a valid string.'),
  'default/reset:timestamp float 1.0': noInteger,
  'default/reset:signature float': wrong('signature', 'Not a valid string.'),
  'default/reset:password float': wrong('password', 'Not a valid string.'),
  'default/reset:user_id JSON 1.0': wrong('user_id', 'Not a valid string.'),
  'default/reset:signed timestamp negative': noInteger,
  'default/reset:signed timestamp 2^63': noInteger,
  'default/reset:timestamp string 1700000000.0': noInteger,
  'default/reset:timestamp string 1700000000.': noInteger,
  'default/reset:timestamp string 01700000000': noInteger,
  'default/reset:timestamp string full-width': noInteger,
  'default/reset:timestamp string 1001 chars': noInteger,
  'default/reset:password 128 chars': wrong('password', 'This password is too common.'),
  'default/reset:password 8 combining': wrong('password', 'This password is too common.'),
  'default/reset:password newline only': wrong(
    'password',
    'This password is too short. It must contain at least 8 characters.',
  ),
  'password_confirm=True/reset:confirm differs only by padding (both trimmed)': wrong(
    'password_confirm',
    "Passwords don't match",
  ),
  'one_time_use=True/send:inactive': noUser,
  'use_email=True + login_fields=[email]/send:inactive': noUser,
  'use_email=True + login_fields=[email]/send:case differs': linkSent,
  'default/reset:POST with Origin': { status: 403, json: { detail: 'Cross-origin request refused.' } },
  'default/send:Accept text/html (browsable API)': notAcceptable,
  'default/reset:Accept text/html (browsable API)': notAcceptable,
  'one_time_use=True/reset:state: email changed after issue': used,
  'default/send:Transfer-Encoding chunked (no Content-Length)': linkSent,
  'default/reset:Transfer-Encoding chunked (no Content-Length)': reset,
  'default/send:form-encoded invalid utf-8': parseError('Form'),
  'default/send:content-type charset utf-16 with utf-16 body': parseError('JSON'),
  'default/send:content-type charset latin-1': parseError('JSON'),
  'default/reset:content-type charset latin-1': parseError('JSON'),
  'default/send:multipart wrong boundary': parseError('Multipart form'),
  'default/reset:multipart wrong boundary': parseError('Multipart form'),
  'verification_enabled=False/reset:malformed JSON': { status: 404, json: { detail: 'Not found.' } },
  'one_time_use=True/reset:expired and used': expired,
  'default/send:Accept-Language de (no LocaleMiddleware)': wrong('login', 'Dieses Feld ist erforderlich.'),
}

/** What happened between the issue of a pair's link and its use, beyond what the pair says itself. */
type Happened = 'a reset' | 'another address' | 'a sign-in that hashed the password anew'
const since: Record<string, Happened> = {
  'one_time_use=True/reset:reuse of used link': 'a reset',
  'one_time_use=True/reset:expired and used': 'a reset',
  'one_time_use=True/reset:two links, second (other timestamp) after first used': 'a reset',
  'one_time_use=True/reset:state: email changed after issue': 'another address',
  'one_time_use=True/reset:link issued before that login is dead though the password did not change':
    'a sign-in that hashed the password anew',
}

/** DRR's clock while the pairs were recorded, and the account ids in them. */
const drrNow = 1_700_000_000
const unknownId = '00000000-0000-4000-8000-000000000999'

/** DRR's signatures, and what each was made for. All others are forged and stay as they are. */
const genuine: Record<string, { userId?: '999'; timestamp: number; purpose?: 'cancel'; tampered?: true }> = {
  iYSzCeXx7BYiODNvgwxaDfZS_wSPcOsHYrxPDM1eWnI: { timestamp: drrNow },
  iYSzCeXx7BYiODNvgwxaDfZS_wSPcOsHYrxPDM1eWnA: { timestamp: drrNow, tampered: true },
  GXiYPw40zvIjSKQgCzGHi8QnHX20OGa37EgfZ_ry4ac: { timestamp: 0 },
  bOQz8A2wqTzLBqrMgvATcKVnKhPGQM1cDYTTVPcC_BY: { timestamp: -5 },
  MIMeJM4drIkKvavu6dtPhxRqkaFnrtWMifG3Cq20qrU: { timestamp: drrNow + 3600 },
  'Pma5upPJ5x8OSpI_skem4Bv3-BerLx3_IGZbpWxw_rQ': { timestamp: 2 ** 63 },
  'Z8qlCHyiK7yMtSX5ycUV8wiNVOBp-DnsevxRIwVov-0': { timestamp: drrNow, userId: '999' },
  '-10glhQ-zP0xb3a0BcVB7d09WdxOZ9v5iNTAiuZ1urU': { timestamp: drrNow - 2 * 86_400 },
  'Hkclw0QCHYGfEHNILszTtq-WsWvxdKF-LZUGt-qPtps': { timestamp: drrNow, purpose: 'cancel' },
  T8jKYgpWqjDbMM0JRwaORPyv737agNlrjd42qqtPcxE: { timestamp: drrNow },
  'iN1YTt-atvh2tMpui3gxZCViH4RX5hdNc0dW8EO4liE': { timestamp: drrNow },
  ANxjtATuxskOk31dBVmCDm3rX_JnNOVwCRd0GaL1qmc: { timestamp: drrNow - 10 },
  rBR0BUTk5FXbaIoWRP6U2G3ByJs8S6zEy82bouAru_U: { timestamp: drrNow - 86_401 },
  'hCJhsbtZ883N2OWZjKGIMfH7Rywkh8yr_CiOOOW6-sY': { timestamp: drrNow - 86_401 },
  HiJgaL6XpbMVY5bTdTWxw4YePX6A5LEmE2lDU1KvKTE: { timestamp: drrNow, userId: '999' },
  'qENifhyNDxGjulPaOAitJZFifCPgJIhz-dI1F8iif34': { timestamp: drrNow - 61 },
  'aZeWJuYKduPS-T4DbZsMPsZia7ieStoM0MWG5GAoWns': { timestamp: drrNow + 5 },
}

/** DRR's defaults where Rekey's differ. */
const drrDefaults = {
  PASSWORD_MIN_LENGTH: '8',
  RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
  RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: 'false',
  RESET_PASSWORD_VERIFICATION_PERIOD: '24h',
  USER_LOGIN_FIELDS: 'username',
}

/** A pair's settings as Rekey's; one that Rekey does not have (difference 25) changes nothing. */
function environmentOf({ REST_REGISTRATION = {}, django }: DrrSettings): Record<string, string> {
  const own = Object.entries(REST_REGISTRATION)
    .filter(([name]) => name !== 'USE_NON_FIELD_ERRORS_KEY_FROM_DRF_SETTINGS')
    .map(([name, value]) => [name, inOurWords(value)])
  const minLength = django?.AUTH_PASSWORD_VALIDATORS[0]?.OPTIONS.min_length
  return {
    ...drrDefaults,
    ...Object.fromEntries(own),
    ...(minLength !== undefined && { PASSWORD_MIN_LENGTH: String(minLength) }),
  }
}

function inOurWords(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  if (value instanceof Object) return `${(value as { __timedelta__: number }).__timedelta__}s`
  return String(value)
}

const groups = Map.groupBy(pairs, ({ settings }) => JSON.stringify(environmentOf(settings)))

let database: TestDatabase
let sink: MailSink
let app: RunningApp
let alice: { id: string; password: string } | undefined

beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
})
afterAll(async () => {
  await sink?.close()
  await database?.drop()
})

describe('the list of pairs that differ (decision 0008)', () => {
  test('names recorded pairs only, each with an answer of the contract and a reason', () => {
    const names = new Set(pairs.map(({ name }) => name))
    expect([...listed.keys()].filter((name) => !names.has(name))).toEqual([])
    expect([...listed.keys()].sort()).toEqual(Object.keys(instead).sort())
    const reasons = new Set([...decision.matchAll(/^\| (\d+) +\|/gm)].map(([, number]) => Number(number)))
    expect([...listed.values()].filter((number) => !reasons.has(number))).toEqual([])
  })

  test('is not the larger part: most of the recorded pairs are answered as DRR answers', () => {
    expect(pairs).toHaveLength(207)
    expect(listed.size).toBeLessThan(pairs.length / 4)
  })
})

describe.each(
  [...groups].map(([environment, ofGroup]) => {
    const env = JSON.parse(environment) as Record<string, string>
    return [unlikeDrrsDefaults(env) || 'DRR’s defaults', env, ofGroup] as const
  }),
)('recorded with %s', (_title, env, ofGroup) => {
  const oneTimeUse = env.RESET_PASSWORD_VERIFICATION_ONE_TIME_USE === 'true'

  beforeAll(async () => {
    app = await startApp({ env, database, sink })
    alice ??= await addDrrsPeople()
  })
  afterAll(() => app?.stop())

  test.each(ofGroup.map((pair) => [pair.name, pair] as const))('%s', async (name, pair) => {
    await app.sql.query(
      `UPDATE "rekey"."users" SET "email" = 'alice@example.com', "password" = $2, "password_changed_at" = NULL WHERE "id" = $1`,
      [alice!.id, alice!.password],
    )
    // Within one second all of them get the same link, of which no more than ten passwords are hashed.
    await app.sql.query('DELETE FROM "rekey"."limits"')
    const request = await inPlace(pair, oneTimeUse)
    await happen(since[name], oneTimeUse)
    const before = await storedPassword()

    const answer = await exchange(app.port, request)

    expect(answer.text).toBe(JSON.stringify(answer.json))
    const drrs = asText(pair.status, withoutStrays(pair.json))
    const ours = asText(answer.status, withoutCode(answer.json))
    const contracts = instead[name]
    if (contracts === undefined) expect(ours).toEqual(drrs)
    else expect(asText(answer.status, answer.json)).toEqual(asText(contracts.status, contracts.json))
    if (listed.has(name)) expect(ours).not.toEqual(drrs)
    const changed = (await storedPassword()) !== before
    expect(changed).toBe(answer.status === 200 && pair.method === 'POST' && pair.path.includes('/reset-'))
  })
})

function unlikeDrrsDefaults(env: Record<string, string>): string {
  return Object.entries(env)
    .filter(([name, value]) => (drrDefaults as Record<string, string>)[name] !== value)
    .map((entry) => entry.join('='))
    .join(' ')
}

/** Those whose presence the pairs show. */
async function addDrrsPeople(): Promise<{ id: string; password: string }> {
  const { id } = await app.addPerson({
    username: 'alice',
    email: 'alice@example.com',
    firstName: 'Alice',
    password: 'Correct-horse-1',
  })
  await app.addPerson({ username: 'bob', email: 'bob@example.com', isActive: false })
  await app.addPerson({ username: 'carol', email: 'carol@example.com' })
  await app.addPerson({ username: 'Żółć', email: 'zolc@example.com' })
  await app.addPerson({ username: 'alice@example.com', email: 'dave@example.com' })
  const { rows } = await app.sql.query<{ password: string }>(
    'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
    [id],
  )
  return { id, password: rows[0]!.password }
}

async function storedPassword(): Promise<string> {
  const { rows } = await app.sql.query<{ password: string }>(
    'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
    [alice!.id],
  )
  return rows[0]!.password
}

async function happen(what: Happened | undefined, oneTimeUse: boolean): Promise<void> {
  if (what === 'another address')
    await app.sql.query(`UPDATE "rekey"."users" SET "email" = 'moved@example.com' WHERE "id" = $1`, [
      alice!.id,
    ])
  if (what === 'a sign-in that hashed the password anew')
    await app.sql.query(`UPDATE "rekey"."users" SET "password" = $2 WHERE "id" = $1`, [
      alice!.id,
      await createHashQueue().hash('Correct-horse-1'),
    ])
  if (what !== 'a reset') return
  const link = await signedLinks(app, { oneTimeUse }).linkOf(alice!)
  const answer = await app.post('reset-password', { ...link, password: 'N3w-correct-horse' })
  expect([answer.status, answer.json]).toEqual([reset.status, reset.json])
}

/** A pair's request with links of Rekey's in the place of DRR's, spelled as in the pair, and times moved to now. */
async function inPlace({ method, path, headers, body }: Pair, oneTimeUse: boolean) {
  const sent = { method, path, headers }
  if (body === null) return sent
  if (body.startsWith('hex:')) return { ...sent, body: Buffer.from(body.slice(4), 'hex') }

  const { create, stateOf, now } = signedLinks(app, { oneTimeUse })
  const shift = (await now()) - drrNow
  const state = await stateOf(alice!.id)
  const [chunked, , content = body] = /^([0-9a-f]+)\r\n(.*)\r\n0\r\n\r\n$/s.exec(body) ?? []
  const ours = content
    .replace(/[\w-]{43}/g, (signature) => {
      const made = genuine[signature]
      if (made === undefined) return signature
      const id = idOf(made.userId ?? '1')
      const link = create(made.purpose ?? 'reset', id, shifted(made.timestamp, shift), state)
      return made.tampered
        ? link.signature.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))
        : link.signature
    })
    .replace(/1(?:699|700)\d{6}/g, (seconds) => String(shifted(Number(seconds), shift)))
    .replace(/１７０{8}/g, () => inFullWidth(drrNow + shift))
    // Ids are texts here, so JSON's 1 becomes one. 1.0 is about being a float, and stays.
    .replace(/("user_id": )(1|999)(?=,)/g, (_, before: string, id: string) => `${before}"${idOf(id)}"`)
    .replace(
      /(user_id"(?:: "|\r\n\r\n)0?)(1|999)(?=["\r.])/g,
      (_, before: string, id: string) => before + idOf(id),
    )
  return { ...sent, body: ours, ...(chunked !== undefined && { chunkSize: 4096 }) }
}

/** DRR's accounts had numbers: 1 was alice, 999 nobody. */
function idOf(number: string): string {
  return number === '1' ? alice!.id : unknownId
}

/** Times around DRR's clock are times around ours; 0 and the like mean themselves. */
function shifted(seconds: number, shift: number): number {
  return Math.abs(seconds - drrNow) < 10 * 86_400 ? seconds + shift : seconds
}

function inFullWidth(seconds: number): string {
  return String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
}

/** Codes are Rekey's own (difference 17). */
function withoutCode(json: unknown): unknown {
  return json instanceof Object && 'detail' in json ? without(json, ([name]) => name === 'code') : json
}

/** The empty list that DRR adds beside password errors (difference 16). */
function withoutStrays(json: unknown): unknown {
  return json instanceof Object
    ? without(json, ([name, value]) => name === 'non_field_errors' && String(value) === '')
    : json
}

function without(json: object, goes: (entry: [string, unknown]) => boolean): unknown {
  return Object.fromEntries(Object.entries(json).filter((entry) => !goes(entry)))
}

/** As text, so that the order of fields counts: clients read the first. The words of parsers do not count. */
function asText(status: number, json: unknown) {
  return { status, json: JSON.stringify(json)?.replace(/(parse error - ).+?(?="})/s, '$1…') }
}

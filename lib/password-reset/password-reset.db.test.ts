import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { linkState, type Account } from '@/lib/accounts/account'
import { ownIdentity, ownUsersMapping, type NewAccount } from '@/lib/accounts/adapters/own-table'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { auditEvents } from '@/lib/audit/audit'
import { createBreachCheck } from '@/lib/passwords/breach-check'
import { HashQueueFull } from '@/lib/passwords/hash-queue'
import type { RekeyConfig } from './extension-points'
import type { CompleteResetInput } from './complete-reset'
import { createPasswordReset } from './password-reset'
import type { ResetDependencies } from './reset-dependencies'
import { createLinkSigner, type Link, type LinkPurpose } from './reset-link'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'

let database: TestDatabase
let sql: pg.Client
let services: Services
beforeAll(async () => {
  database = await createMigratedDatabase()
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  await sql.query('CREATE TABLE "sessions" ("account_id" uuid NOT NULL)')
  services = createServices(
    readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtp://localhost',
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      LIMIT_REQUESTS_PER_CLIENT: '2/10m',
      LIMIT_RESETS_PER_CLIENT: '3/10m',
      LIMIT_ATTEMPTS_PER_LINK: '1/1h',
    }),
  )
}, 120_000)
afterAll(async () => {
  await services.database.close()
  await sql.end()
  await database.drop()
})

let account: Account
/** Each test's own client: a process remembers for a second whom it refused. */
let here: string
beforeEach(async () => {
  account = await add()
  here = `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}::1`
  await sql.query('DELETE FROM "rekey"."limits"')
})

async function add(more: Partial<NewAccount> = {}): Promise<Account> {
  const username = `user-${randomBytes(6).toString('hex')}`
  const names = { firstName: '', lastName: '', locale: null }
  const state = { email: `${username}@example.com`, passwordHash: 'a hash', isActive: true }
  const id = await services.ownAccounts.add({ username, ...names, ...state, ...more })
  return (await services.accounts.read(id)).account!
}

const reset = (configuration: RekeyConfig = {}, other: Partial<ResetDependencies> = {}) =>
  createPasswordReset({ ...services, configuration, ...other })

const now = () => Math.floor(Date.now() / 1000)
const linkOf = (of = account, purpose: LinkPurpose = 'reset') =>
  services.links.create(purpose, of.id, now(), linkState(of))

const good = 'gravel lantern orchard 7'
const from = (client = here) => ({ locale: 'en', requestId: 'r', client })
const input = (link: Link, password = good, more: Partial<CompleteResetInput> = {}): CompleteResetInput => ({
  link,
  password,
  passwordConfirm: undefined,
  locale: 'en',
  requestId: 'r',
  request: { client: here, headers: new Headers(), fields: {} },
  ...more,
})

const passwordOf = async (of = account) => (await services.accounts.read(of.id)).account?.passwordHash
const events = async (of = account) => (await services.audit.history(of.id)).map(({ event }) => event)
const jobs = async (of = account) =>
  (
    await sql.query<{ name: string }>(
      `SELECT name FROM rekey_queue.job WHERE data->>'accountId' = $1 OR data->'target'->>'accountId' = $1 ORDER BY name`,
      [of.id],
    )
  ).rows.map(({ name }) => name)
const noted = async (event: keyof typeof auditEvents, reason: string) =>
  (
    await sql.query('SELECT FROM "rekey"."audit" WHERE "event" = $1 AND "reason" = $2', [
      auditEvents[event],
      reason,
    ])
  ).rowCount!

describe('asking', () => {
  test('a client is refused after its share, and nothing is asked for it any more [R1]', async () => {
    const sendRequest = () =>
      reset().requestLink({ target: { login: randomUUID() }, ...from('203.0.113.20') })
    expect([await sendRequest(), await sendRequest()]).toMatchObject([{ ok: true }, { ok: true }])
    expect(await sendRequest()).toMatchObject({ ok: false, code: 'throttled' })
  })

  test('a dead link is renewed, though others of the network used up its requests [R10]', async () => {
    const sendRequest = (requestTarget: { login: string } | { link: Link }) =>
      reset().requestLink({ target: requestTarget, ...from() })
    for (let i = 0; i < 2; i += 1) await sendRequest({ login: randomUUID() })
    expect(await sendRequest({ login: randomUUID() })).toMatchObject({ code: 'throttled' })
    expect(await sendRequest({ link: linkOf() })).toMatchObject({ ok: true })
  })

  test('the three fields of a link that we never made stand in for nobody [T12]', async () => {
    const forged = { ...linkOf(), signature: 'A'.repeat(86) }
    expect(await reset().requestLink({ target: { link: forged }, ...from() })).toEqual({
      ok: false,
      code: 'not-genuine',
    })
    expect(await jobs()).toEqual([])
  })

  test('a login longer than any account’s is answered and counted as every other, and is not kept [I3, L6]', async () => {
    const long = { login: 'x'.repeat(321) }
    const rows = async () =>
      Number(
        (await sql.query(`SELECT count(*) AS "n" FROM rekey_queue.job WHERE name = 'link-request'`)).rows[0]
          .n,
      )
    const [before, calls] = [await rows(), await noted('requested', 'no-account')]
    const answer = await reset().requestLink({ target: { login: 'x'.repeat(320) }, ...from() })
    expect(await rows()).toBe(before + 1)
    expect(await reset().requestLink({ target: long, ...from() })).toEqual(answer)
    expect(await rows()).toBe(before + 1)
    expect((await noted('requested', 'no-account')) - calls).toBe(1)
    expect(await reset().requestLink({ target: long, ...from() })).toMatchObject({ code: 'throttled' })
  })

  test('where the answer tells, a login longer than any account’s is not found, and not looked up', async () => {
    const settings = { reset: { ...services.settings.reset, failWhenUserNotFound: true } }
    const looked: string[] = []
    const accounts: Services['accounts'] = {
      ...services.accounts,
      findByLogin: async (login) => (looked.push(login), [account]),
    }
    const sendRequest = (login: string) =>
      reset({}, { settings, accounts }).requestLink({ target: { login }, ...from() })
    expect(await sendRequest('x'.repeat(321))).toEqual({ ok: false, code: 'not-found' })
    expect(looked).toEqual([])
    expect(await sendRequest('x'.repeat(320))).toEqual({ ok: true, found: true })
  })

  test('nor does the link of an email that says "this wasn’t me" [T2]', async () => {
    const link = linkOf(account, 'cancel')
    expect(await reset().requestLink({ target: { link }, ...from() })).toMatchObject({ code: 'not-genuine' })
  })
})

describe('setting a password', () => {
  test('works with a link that holds, is recorded, and queues the email that tells of it', async () => {
    expect(await reset().completeReset(input(linkOf()))).toEqual({ ok: true })
    expect(await services.hash.verify((await passwordOf())!, good)).toBe(true)
    expect(await events()).toEqual([auditEvents.changed])
    expect(await jobs()).toEqual(['changed-email'])
  })

  test('the email that tells of it is for the address that the account had then [S3]', async () => {
    expect(await reset().completeReset(input(linkOf()))).toEqual({ ok: true })
    await sql.query(`UPDATE "rekey"."users" SET "email" = 'thief@evil.example' WHERE "id" = $1`, [account.id])
    const { rows } = await sql.query(
      `SELECT data->>'email' AS "to" FROM rekey_queue.job WHERE data->>'accountId' = $1`,
      [account.id],
    )
    expect(rows).toEqual([{ to: account.email }])
  })

  test('a forged link costs no look-up, no judgement and no hash [T11]', async () => {
    const calls: string[] = []
    const watched = reset(
      {},
      {
        accounts: { ...services.accounts, read: async (id) => (calls.push(id), services.accounts.read(id)) },
        policy: {
          ...services.policy,
          findProblems: (...given) => (calls.push('policy'), services.policy.findProblems(...given)),
        },
      },
    )
    const before = services.hash.hashed
    const forged = { ...linkOf(), signature: 'A'.repeat(86) }
    expect(await watched.completeReset(input(forged))).toEqual({ ok: false, code: 'signature-invalid' })
    expect([calls, services.hash.hashed - before]).toEqual([[], 0])
    expect(await watched.completeReset(input(linkOf()))).toEqual({ ok: true })
    expect(calls).toEqual([account.id, 'policy'])
  })

  test.each([
    ['of 16,000 characters', 'x'.repeat(16_000), 'too-long'],
    ['that everybody tries', 'password1', 'too-common'],
    ['that is too short', 'gravel7', 'too-short'],
  ])('a password %s costs no hash [C14, CVE-2013-1443]', async (_what, password, code) => {
    const before = services.hash.hashed
    expect(await reset().completeReset(input(linkOf(), password))).toMatchObject({
      code: 'password-rejected',
      problems: expect.arrayContaining([expect.objectContaining({ code })]),
    })
    expect(services.hash.hashed).toBe(before)
    expect(await passwordOf()).toBe('a hash')
  })

  test('one link is refused after its share, from this client; from another one it is not [R1]', async () => {
    const link = linkOf()
    for (let i = 0; i < 3; i += 1)
      expect(await reset().completeReset(input(link, 'short'))).toMatchObject({ ok: false })
    expect(await reset().completeReset(input(link))).toMatchObject({ ok: false, code: 'throttled' })
    const elsewhere = { request: { client: '203.0.113.10', headers: new Headers(), fields: {} } }
    expect(await reset().completeReset(input(link, good, elsewhere))).toEqual({ ok: true })
  })

  test('a client is refused after its share of forged links, and its genuine link works all the same [R3, R10]', async () => {
    const forged = { ...linkOf(), signature: 'A'.repeat(86) }
    for (let i = 0; i < 3; i += 1)
      expect(await reset().completeReset(input(forged))).toMatchObject({ code: 'signature-invalid' })
    for (const signature of [forged.signature, 'x', linkOf(account, 'cancel').signature])
      expect(await reset().completeReset(input({ ...forged, signature }))).toMatchObject({
        code: 'throttled',
      })
    expect(await reset().completeReset(input(linkOf()))).toEqual({ ok: true })
  })

  test('a spent link that is posted again and again refuses no other link of the same client [R10]', async () => {
    const spent = linkOf()
    expect(await reset().completeReset(input(spent))).toEqual({ ok: true })
    for (let i = 0; i < 2; i += 1)
      expect(await reset().completeReset(input(spent))).toMatchObject({ code: 'signature-used' })
    expect(await reset().completeReset(input(spent))).toMatchObject({ code: 'throttled' })
    expect(await reset().completeReset(input(linkOf(await add())))).toEqual({ ok: true })
  })

  test('refused passwords are counted for the link; a good one passes all the same [R3]', async () => {
    const link = linkOf()
    expect(await reset().completeReset(input(link, 'short'))).toMatchObject({ code: 'password-rejected' })
    expect(await reset().completeReset(input(link, 'short'))).toMatchObject({ code: 'throttled' })
    expect(await reset().completeReset(input(link))).toEqual({ ok: true })
  })

  test('the policy judges, by the account’s own facts too [P1, P7]', async () => {
    const named = await add({ username: `Marguerite-${randomUUID()}` })
    expect(await reset().completeReset(input(linkOf(named), named.username))).toMatchObject({
      problems: [{ code: 'too-similar-username' }],
    })
    expect(await passwordOf(named)).toBe('a hash')
  })

  test('so does the breach check [P8]', async () => {
    const digest = createHash('sha1').update(good).digest('hex').toUpperCase()
    const range = createServer((_, answer) => void answer.end(`${digest.slice(5)}:3`)).listen(0, '127.0.0.1')
    await new Promise((resolve) => range.once('listening', resolve))
    const url = `http://127.0.0.1:${(range.address() as AddressInfo).port}/`
    const isBreached = createBreachCheck(url, services.log)
    expect(await reset({}, { isBreached }).completeReset(input(linkOf()))).toMatchObject({
      problems: [{ code: 'breached' }],
    })
    range.close()
    expect(await passwordOf()).toBe('a hash')
  })

  test('where a repetition is asked for, it must match [P12]', async () => {
    const settings = { reset: { ...services.settings.reset, passwordConfirm: true } }
    const twice = (passwordConfirm: string) =>
      reset({}, { settings }).completeReset(input(linkOf(), good, { passwordConfirm }))
    expect(await twice(`${good}x`)).toMatchObject({ code: 'password-rejected', mismatch: true })
    expect(await twice(good)).toEqual({ ok: true })
  })

  test('a second factor can refuse, and the link stays alive [S4]', async () => {
    const link = linkOf()
    expect(await reset({ secondFactor: async () => false }).completeReset(input(link))).toMatchObject({
      code: 'second-factor-required',
    })
    expect(await passwordOf()).toBe('a hash')
    const elsewhere = { client: '203.0.113.10', headers: new Headers(), fields: {} }
    expect(
      await reset({ secondFactor: async () => true }).completeReset(
        input(link, good, { request: elsewhere }),
      ),
    ).toEqual({ ok: true })
  })

  test('guesses at a second factor are counted before it is asked [R3, S4]', async () => {
    const link = linkOf()
    let calls = 0
    const guess = () =>
      reset({
        secondFactor: async () => {
          calls += 1
          return false
        },
      }).completeReset(input(link))
    expect(await guess()).toMatchObject({ code: 'second-factor-required' })
    expect(await guess()).toMatchObject({ code: 'throttled' })
    expect(calls).toBe(1)
  })

  test('with one link ten guesses are judged, from however many networks; a new link has its own [R3, S4]', async () => {
    let asked = 0
    const guess = (link: Link, n: number) => {
      const request = { client: `2001:db8:0:${n.toString(16)}::1`, headers: new Headers(), fields: {} }
      return reset({ secondFactor: async () => (asked += 1) > 100 }).completeReset(
        input(link, good, { request }),
      )
    }
    const link = linkOf()
    const many = await Promise.all(Array.from({ length: 30 }, (_, n) => guess(link, n)))
    expect(many.filter((one) => !one.ok && one.code === 'second-factor-exhausted')).toHaveLength(20)
    expect(asked).toBe(10)
    const fresh = services.links.create('reset', account.id, now() - 5, linkState(account))
    expect(await guess(fresh, 40)).toMatchObject({ code: 'second-factor-required' })
  })

  test.each<[string, Partial<NewAccount>]>([
    ['that is disabled', { isActive: false }],
    ['without a password', { passwordHash: null }],
    ['whose password is Django’s mark for none', { passwordHash: '!unusable' }],
    ['without an address', { email: '' }],
  ])('gives no password to an account %s, though its link was signed [A1, S5]', async (_what, more) => {
    const unfit = await add(more)
    expect(await reset().completeReset(input(linkOf(unfit)))).toEqual({ ok: false, code: 'signature-used' })
    expect(await passwordOf(unfit)).toBe(unfit.passwordHash)
    expect(await reset().inspectLink(linkOf(unfit))).toEqual({ state: 'signature-used' })
  })

  test('the link says what its owner signs in with: the username, else the address [W11]', async () => {
    const person = await add({ lastName: 'Ada Lehmann' })
    const link = linkOf(person)
    expect(await reset().inspectLink(link)).toMatchObject({
      account: { username: person.username, signInName: person.username, name: '' },
    })
    const { username, lastName: name, ...others } = ownUsersMapping(services.database.schemas)
    expect(username).toBeDefined()
    const accounts = createSqlAccountStore(services.database, { ...others, name: name! }, ownIdentity)
    expect(await reset({}, { accounts }).inspectLink(link)).toMatchObject({
      account: { username: '', signInName: person.email, lastName: '', name: 'Ada Lehmann' },
    })
  })

  test('a link of another purpose sets none, and is shown to nobody [T2]', async () => {
    for (const purpose of ['cancel', 'cancel-change'] as const) {
      const link = linkOf(account, purpose)
      expect(await reset().completeReset(input(link))).toEqual({ ok: false, code: 'signature-invalid' })
      expect(await reset().inspectLink(link)).toEqual({ state: 'signature-invalid' })
    }
    expect(await passwordOf()).toBe('a hash')
  })

  test('of many at once with one link, one gets through [C12]', async () => {
    await sql.query('DELETE FROM "rekey"."limits"')
    const link = linkOf()
    const all = await Promise.all([1, 2, 3].map((i) => reset().completeReset(input(link, `${good}${i}`))))
    expect(all.filter(({ ok }) => ok)).toHaveLength(1)
    expect(await jobs()).toEqual(['changed-email'])
  })
})

describe('hash work for one link [W9]', () => {
  const fromNetwork = (n: number): Partial<CompleteResetInput> => ({
    request: { client: `2001:db8:1:${n.toString(16)}::1`, headers: new Headers(), fields: {} },
  })
  const hashesOf = async (work: () => Promise<unknown>) => {
    const before = services.hash.hashed
    await work()
    return services.hash.hashed - before
  }
  test('two hundred valid posts with one link from fifty clients cost one hash, and one gets through [W9]', async () => {
    const link = linkOf()
    let outcomes: Awaited<ReturnType<ReturnType<typeof reset>['completeReset']>>[] = []
    const hashes = await hashesOf(async () => {
      outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          reset().completeReset(input(link, `${good}${n}`, fromNetwork(n % 50))),
        ),
      )
    })
    expect(hashes).toBe(1)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    // Three for each client, as LIMIT_RESETS_PER_CLIENT says; each of the others is told that the link was used.
    expect(outcomes.filter((one) => !one.ok && one.code === 'signature-used')).toHaveLength(149)
    expect(outcomes.filter((one) => !one.ok && one.code === 'throttled')).toHaveLength(50)
    expect(await jobs()).toEqual(['changed-email'])
  })

  test('posts of which none gets through cost ten hashes, whatever clients and instances; a new link has its own [W9]', async () => {
    const link = linkOf()
    const accounts = { ...services.accounts, replacePassword: async () => null }
    const post = (n: number, of = link) =>
      reset({}, { accounts }).completeReset(input(of, good, fromNetwork(n)))
    const hashes = await hashesOf(async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => post(n)))
      const codes = outcomes.map((one) => (one.ok ? 'ok' : one.code))
      expect(codes.filter((code) => code === 'signature-used')).toHaveLength(10)
      expect(codes.filter((code) => code === 'link-exhausted')).toHaveLength(40)
    })
    expect(hashes).toBe(10)
    expect(await noted('limited', 'hashesPerLink')).toBe(1)
    const fresh = services.links.create('reset', account.id, now() - 5, linkState(account))
    expect(await hashesOf(() => post(60, fresh))).toBe(1)
  })

  test('a link that works several times sets ten passwords [W9]', async () => {
    const settings = { reset: { ...services.settings.reset, oneTimeUse: false } }
    const links = createLinkSigner({
      secrets: services.settings.secrets,
      audience: services.settings.publicUrl,
      period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
      oneTimeUse: false,
    })
    const link = links.create('reset', account.id, now(), linkState(account))
    const outcomes = []
    for (let n = 0; n < 11; n += 1)
      outcomes.push(
        await reset({}, { settings, links }).completeReset(input(link, `${good}${n}`, fromNetwork(n))),
      )
    expect(outcomes.slice(0, 10).every(({ ok }) => ok)).toBe(true)
    expect(outcomes[10]).toEqual({ ok: false, code: 'link-exhausted' })
    expect(await services.hash.verify((await passwordOf())!, `${good}9`)).toBe(true)
  })

  test('a server that is too busy to hash uses up nothing [W9]', async () => {
    const link = linkOf()
    const busy: ResetDependencies['hash'] = {
      ...services.hash,
      hash: () => Promise.reject(new HashQueueFull()),
    }
    for (let n = 0; n < 12; n += 1)
      await expect(
        reset({}, { hash: busy }).completeReset(input(link, good, fromNetwork(n))),
      ).rejects.toBeInstanceOf(HashQueueFull)
    expect(await reset().completeReset(input(link))).toEqual({ ok: true })
  })

  test('a post that waits for another one with its link goes on where that one fails [W9]', async () => {
    const link = linkOf()
    const fails: RekeyConfig['revokeSessions'] = () => Promise.reject(new Error('no such table'))
    let begin: () => void
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const hash: ResetDependencies['hash'] = {
      ...services.hash,
      hash: (password) => (begin(), services.hash.hash(password)),
    }
    const first = reset({ revokeSessions: fails }, { hash }).completeReset(input(link))
    await begun
    const second = reset().completeReset(input(link, good, fromNetwork(1)))
    await expect(first).rejects.toThrow('no such table')
    expect(await second).toEqual({ ok: true })
  })
})

describe('what belongs to a reset', () => {
  const revokeSessions: RekeyConfig['revokeSessions'] = async (tx, { id }) => {
    await tx.$executeRaw`DELETE FROM "sessions" WHERE "account_id" = ${id}::uuid`
  }
  const sessions = async () =>
    (await sql.query('SELECT FROM "sessions" WHERE "account_id" = $1', [account.id])).rowCount
  beforeEach(() => sql.query('INSERT INTO "sessions" VALUES ($1), ($1)', [account.id]))

  const nothing = async () => {
    expect([await passwordOf(), await sessions(), await events(), await jobs()]).toEqual([
      'a hash',
      2,
      [],
      [],
    ])
  }

  test('its sessions end with it [S1, L1]', async () => {
    expect(await reset({ revokeSessions }).completeReset(input(linkOf()))).toEqual({ ok: true })
    expect(await sessions()).toBe(0)
    expect(await events()).toEqual(['authn_password_change', 'session_expired'])
  })

  test('where they cannot be ended, nothing has happened [F8]', async () => {
    const fails: RekeyConfig['revokeSessions'] = () => Promise.reject(new Error('no such table'))
    await expect(reset({ revokeSessions: fails }).completeReset(input(linkOf()))).rejects.toThrow(
      'no such table',
    )
    await nothing()
  })

  test('where anything later fails, nothing has happened either: no session ended, no entry, no email [F8]', async () => {
    const queue: Services['queue'] = {
      ...services.queue,
      add: async (name, ...rest) => {
        if (name === 'changed-hook') throw new Error('the queue is gone')
        await services.queue.add(name, ...rest)
      },
    }
    const configuration = { revokeSessions, passwordChanged: async () => undefined }
    await expect(reset(configuration, { queue }).completeReset(input(linkOf()))).rejects.toThrow(
      'the queue is gone',
    )
    await nothing()
  })

  test('a link that lost the race ends no session', async () => {
    const link = linkOf()
    const slow: RekeyConfig['secondFactor'] = async () => {
      await sql.query(`UPDATE "rekey"."users" SET "password" = 'set elsewhere' WHERE "id" = $1`, [account.id])
      return true
    }
    expect(await reset({ revokeSessions, secondFactor: slow }).completeReset(input(link))).toEqual({
      ok: false,
      code: 'signature-used',
    })
    expect([await passwordOf(), await sessions()]).toEqual(['set elsewhere', 2])
  })
})

describe('"this wasn’t me"', () => {
  test('kills all live links, once, and from an email with a link queues nothing [T5]', async () => {
    const link = linkOf()
    const press = () => reset().cancelReset({ link: linkOf(account, 'cancel'), ...from() })
    expect(await press()).toEqual({ ok: true, newLink: false })
    expect(await press()).toEqual({ ok: false, code: 'signature-used' })
    expect(await reset().inspectLink(link)).toEqual({ state: 'signature-used' })
    expect([await jobs(), await events()]).toEqual([[], [auditEvents.cancelled, auditEvents.reused]])
  })

  test('of many presses at the same time one counts [T5]', async () => {
    const press = () => reset().cancelReset({ link: linkOf(account, 'cancel-change'), ...from() })
    const answers = await Promise.all(Array.from({ length: 3 }, press))
    expect(answers.filter(({ ok }) => ok)).toEqual([{ ok: true, newLink: true }])
    expect(await jobs()).toEqual(['link-request'])
  })

  test('from the email about a changed password it starts a fresh reset', async () => {
    const press = reset().cancelReset({ link: linkOf(account, 'cancel-change'), ...from() })
    expect(await press).toEqual({ ok: true, newLink: true })
    expect(await jobs()).toEqual(['link-request'])
  })

  test('that of the first email dies with a change: it must not disarm the one in the email about it [T5]', async () => {
    const [first, link] = [linkOf(account, 'cancel'), linkOf()]
    expect(await reset().completeReset(input(link))).toEqual({ ok: true })
    const changed = linkOf((await services.accounts.read(account.id)).account!, 'cancel-change')
    expect(await reset().inspectCancelLink(first)).toEqual({ state: 'signature-used' })
    expect(await reset().cancelReset({ link: first, ...from() })).toEqual({
      ok: false,
      code: 'signature-used',
    })
    expect(await reset().cancelReset({ link: changed, ...from() })).toEqual({ ok: true, newLink: true })
  })

  test('where links may be used again, that of the first email undoes a change as well [T5]', async () => {
    const links = createLinkSigner({
      secrets: services.settings.secrets,
      audience: services.settings.publicUrl,
      period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
      oneTimeUse: false,
    })
    const settings = { reset: { ...services.settings.reset, oneTimeUse: false } }
    const lax = reset({}, { links, settings })
    const link = (purpose: LinkPurpose) => links.create(purpose, account.id, now() - 5, linkState(account))
    expect(await lax.inspectCancelLink(link('cancel'))).toMatchObject({ changed: false, newLink: false })
    expect(await lax.completeReset(input(link('reset')))).toEqual({ ok: true })
    expect(await lax.inspectCancelLink(link('cancel'))).toMatchObject({ changed: true, newLink: true })
    expect(await lax.cancelReset({ link: link('cancel'), ...from() })).toEqual({ ok: true, newLink: true })
    expect(await jobs()).toContain('link-request')
  })

  test('it starts three fresh resets of an account in an hour, wherever it is pressed; then nothing is done [R1, R3]', async () => {
    const press = async (of: Account, client: string) => {
      const { account: current } = await services.accounts.read(of.id)
      return reset().cancelReset({ link: linkOf(current!, 'cancel-change'), ...from(client) })
    }
    const other = await add()
    for (const n of [1, 2, 3]) expect(await press(account, `203.0.113.${n}`)).toMatchObject({ newLink: true })
    const before = await services.accounts.read(account.id)
    expect(await press(account, '203.0.113.4')).toMatchObject({ code: 'throttled', retryAfter: 3600 })
    expect((await services.accounts.read(account.id)).account).toEqual(before.account)
    expect((await jobs()).filter((name) => name === 'link-request')).toHaveLength(3)
    expect(await press(other, '203.0.113.4')).toMatchObject({ ok: true })
    const first = linkOf(before.account!, 'cancel')
    expect(await reset().cancelReset({ link: first, ...from() })).toEqual({ ok: true, newLink: false })
  })

  test('a press that starts nothing, beaten by another or by an outage, takes none of the three [R3]', async () => {
    const link = linkOf(account, 'cancel-change')
    const broken: Partial<ResetDependencies> = {
      queue: { ...services.queue, add: () => Promise.reject(new Error('away')) },
    }
    for (let n = 0; n < 3; n += 1) {
      await expect(reset({}, broken).cancelReset({ link, ...from(`203.0.113.${n}`) })).rejects.toThrow('away')
    }
    const presses = [4, 5, 6].map((n) => reset().cancelReset({ link, ...from(`203.0.113.${n}`) }))
    expect((await Promise.all(presses)).filter(({ ok }) => ok)).toEqual([{ ok: true, newLink: true }])
    const { account: current } = await services.accounts.read(account.id)
    const again = linkOf(current!, 'cancel-change')
    expect(await reset().cancelReset({ link: again, ...from() })).toEqual({ ok: true, newLink: true })
  })

  test('a reset link cancels nothing [T2]', async () => {
    const link = linkOf()
    expect(await reset().cancelReset({ link, ...from() })).toEqual({ ok: false, code: 'signature-invalid' })
    expect(await reset().inspectCancelLink(link)).toEqual({ state: 'signature-invalid' })
    expect(await reset().inspectLink(link)).toMatchObject({ state: 'valid' })
  })

  test('looking at it changes nothing [T13]', async () => {
    const link = linkOf(account, 'cancel')
    for (let i = 0; i < 3; i += 1)
      expect(await reset().inspectCancelLink(link)).toMatchObject({ state: 'valid' })
    expect(await reset().inspectLink(linkOf())).toMatchObject({ state: 'valid' })
  })

  test('a client is refused after its share [R1]', async () => {
    // One link, whatever second it is: counts are per link.
    const link = linkOf(account, 'cancel')
    const press = () => reset().cancelReset({ link, ...from() })
    for (let i = 0; i < 3; i += 1) await press()
    expect(await press()).toMatchObject({ code: 'throttled' })
  })

  test.each(['cancel', 'cancel-change'] as const)(
    'forged and reset links that a client sends refuse it no genuine link to %s [R10]',
    async (purpose) => {
      const forged = { ...linkOf(account, purpose), signature: 'A'.repeat(86) }
      for (const link of [forged, forged, linkOf()])
        expect(await reset().cancelReset({ link, ...from() })).toMatchObject({ code: 'signature-invalid' })
      for (const link of [forged, linkOf()])
        expect(await reset().cancelReset({ link, ...from() })).toMatchObject({ code: 'throttled' })
      expect(await reset().cancelReset({ link: linkOf(account, purpose), ...from() })).toMatchObject({
        ok: true,
      })
    },
  )
})

describe('what is noted [L1]', () => {
  test('of a flood of one kind from one client is its first', async () => {
    await reset().completeReset(input(linkOf()))
    const spent = services.links.create('reset', account.id, now(), linkState(account))
    for (let i = 0; i < 2; i += 1) await reset().completeReset(input(spent))
    expect(await events()).toEqual([auditEvents.changed, auditEvents.reused])
  })

  test('of requests beyond the limit is the first', async () => {
    const before = await noted('limited', 'forgeriesPerClient')
    for (let i = 0; i < 6; i += 1) await reset().completeReset(input({ ...linkOf(), signature: 'x' }))
    expect((await noted('limited', 'forgeriesPerClient')) - before).toBe(1)
  })

  test('a refused forged link is audited without an account, since its user id is untrusted', async () => {
    const before = await noted('refused', 'signature-invalid')
    await reset().completeReset(input({ ...linkOf(), signature: 'A'.repeat(86) }))
    expect((await noted('refused', 'signature-invalid')) - before).toBe(1)
    expect(await events()).toEqual([])
  })
})

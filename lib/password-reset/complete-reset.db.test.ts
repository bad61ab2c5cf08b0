import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  forge,
  newClient,
  newPassword,
  openResets,
  resetInput,
  secondsNow,
  type OpenedResets,
} from '@/e2e/support/opened-resets'
import { signedState, type Account } from '@/lib/accounts/account'
import { ownIdentity, ownUsersMapping, type NewAccount } from '@/lib/accounts/adapters/own-table'
import { createSqlAccountStore } from '@/lib/accounts/adapters/sql-store'
import { auditEvents } from '@/lib/audit/audit'
import { createBreachCheck } from '@/lib/passwords/breach-check'
import { HashQueueFull } from '@/lib/passwords/hash-queue'
import type { Services } from '@/services'
import type { CompleteResetInput } from './complete-reset'
import type { RekeyConfig } from './extension-points'
import type { ResetDependencies } from './reset-dependencies'
import type { Link, LinkPurpose } from './reset-link'

let opened: OpenedResets
let account: Account
let client: string
beforeAll(async () => {
  opened = await openResets()
  await opened.sql.query('CREATE TABLE "sessions" ("account_id" uuid NOT NULL)')
}, 120_000)
beforeEach(async () => {
  account = await opened.addAccount()
  client = newClient()
  await opened.clearLimits()
})
afterAll(() => opened.close())

const resets = (...given: Parameters<OpenedResets['resets']>) => opened.resets(...given)
const linkOf = (of = account, purpose: LinkPurpose = 'reset', age = 0) => opened.linkOf(of, purpose, age)
const input = (link: Link, password = newPassword, facts: Partial<CompleteResetInput> = {}) =>
  resetInput(link, password, client, facts)
const inputFrom = (from: string, link: Link, password = newPassword) => resetInput(link, password, from)
const post = (link: Link, password = newPassword) => resets().completeReset(input(link, password))
const passwordOf = async (of = account) => (await opened.read(of)).passwordHash

const hashesOf = async (work: () => Promise<unknown>) => {
  const { hash } = opened.services
  const before = hash.hashed
  await work()
  return hash.hashed - before
}

describe('a reset', () => {
  test('a valid link sets the new password, is audited and queues the email about the change', async () => {
    expect(await post(linkOf())).toEqual({ ok: true })
    expect(await opened.services.hash.verify((await passwordOf())!, newPassword)).toBe(true)
    expect(await opened.eventsOf(account)).toEqual([auditEvents.changed])
    expect(await opened.jobsOf(account)).toEqual(['changed-email'])
  })

  test('the email about a changed password is for the address that the account had at the change [S3]', async () => {
    expect(await post(linkOf())).toEqual({ ok: true })
    await opened.updateAccount(account.id, `"email" = 'thief@evil.example'`)
    const { rows } = await opened.sql.query(
      `SELECT data->>'email' AS "to" FROM rekey_queue.job WHERE data->>'accountId' = $1`,
      [account.id],
    )
    expect(rows).toEqual([{ to: account.email }])
  })

  test('a forged link causes no look-up, no check of the password and no hash [T11]', async () => {
    const { accounts, policy } = opened.services
    const calls: string[] = []
    const recording = resets(
      {},
      {
        accounts: { ...accounts, read: async (id) => (calls.push(id), accounts.read(id)) },
        policy: {
          ...policy,
          findProblems: (...given) => (calls.push('policy'), policy.findProblems(...given)),
        },
      },
    )
    const hashes = await hashesOf(async () =>
      expect(await recording.completeReset(input(forge(linkOf())))).toEqual({
        ok: false,
        code: 'signature-invalid',
      }),
    )
    expect([calls, hashes]).toEqual([[], 0])
    expect(await recording.completeReset(input(linkOf()))).toEqual({ ok: true })
    expect(calls).toEqual([account.id, 'policy'])
  })

  test.each<[string, Partial<NewAccount>]>([
    ['that is disabled', { isActive: false }],
    ['without a password', { passwordHash: null }],
    ['with Django’s mark for no password', { passwordHash: '!unusable' }],
    ['without an address', { email: '' }],
  ])('a signed link sets no password of an account %s [A1, S5]', async (_what, facts) => {
    const notResettable = await opened.addAccount(facts)
    expect(await post(linkOf(notResettable))).toEqual({ ok: false, code: 'signature-used' })
    expect(await passwordOf(notResettable)).toBe(notResettable.passwordHash)
    expect(await resets().inspectLink(linkOf(notResettable))).toEqual({ state: 'signature-used' })
  })

  test('a link of another purpose sets no password and shows no account [T2]', async () => {
    for (const purpose of ['cancel', 'cancel-change'] as const) {
      const link = linkOf(account, purpose)
      expect(await post(link)).toEqual({ ok: false, code: 'signature-invalid' })
      expect(await resets().inspectLink(link)).toEqual({ state: 'signature-invalid' })
    }
    expect(await passwordOf()).toBe('a hash')
  })

  test('an inspected link names what its owner signs in with: the username, else the address [W11]', async () => {
    const owner = await opened.addAccount({ lastName: 'Ada Lehmann' })
    const link = linkOf(owner)
    expect(await resets().inspectLink(link)).toMatchObject({
      account: { signInName: owner.username },
    })
    const { database } = opened.services
    const { username, lastName: name, ...others } = ownUsersMapping(database.schemas)
    expect(username).toBeDefined()
    const accounts = createSqlAccountStore(database, { ...others, name: name! }, ownIdentity)
    expect(await resets({}, { accounts }).inspectLink(link)).toMatchObject({
      account: { signInName: owner.email },
    })
  })
})

describe('a new password that is rejected', () => {
  test.each([
    ['of 16,000 characters', 'x'.repeat(16_000), 'too-long'],
    ['that is common', 'password1', 'too-common'],
    ['that is too short', 'gravel7', 'too-short'],
  ])('a password %s is rejected without a hash [C14, CVE-2013-1443]', async (_what, password, code) => {
    const hashes = await hashesOf(async () =>
      expect(await post(linkOf(), password)).toMatchObject({
        code: 'password-rejected',
        problems: expect.arrayContaining([expect.objectContaining({ code })]),
      }),
    )
    expect(hashes).toBe(0)
    expect(await passwordOf()).toBe('a hash')
  })

  test('a new password that resembles the account’s username is rejected [P1, P7]', async () => {
    const named = await opened.addAccount({ username: `Marguerite-${randomUUID()}` })
    expect(await post(linkOf(named), named.username)).toMatchObject({
      problems: [{ code: 'too-similar-username' }],
    })
    expect(await passwordOf(named)).toBe('a hash')
  })

  test('a new password that the breach service knows is rejected [P8]', async () => {
    const digest = createHash('sha1').update(newPassword).digest('hex').toUpperCase()
    const range = createServer((_, response) => void response.end(`${digest.slice(5)}:3`))
    range.listen(0, '127.0.0.1')
    await new Promise((resolve) => range.once('listening', resolve))
    const url = `http://127.0.0.1:${(range.address() as AddressInfo).port}/`
    const isBreached = createBreachCheck(url, opened.services.log)
    expect(await resets({}, { isBreached }).completeReset(input(linkOf()))).toMatchObject({
      problems: [{ code: 'breached' }],
    })
    range.close()
    expect(await passwordOf()).toBe('a hash')
  })

  test('if the new password must be repeated, a repetition that differs is rejected [P12]', async () => {
    const settings = { reset: { ...opened.services.settings.reset, passwordConfirm: true } }
    const repeat = (passwordConfirm: string) =>
      resets({}, { settings }).completeReset(input(linkOf(), newPassword, { passwordConfirm }))
    expect(await repeat(`${newPassword}x`)).toMatchObject({ code: 'password-rejected', mismatch: true })
    expect(await repeat(newPassword)).toEqual({ ok: true })
  })
})

describe('the rate limits of resets', () => {
  test('one link is rejected beyond its limit from one client, and still works from another client [R1]', async () => {
    const link = linkOf()
    for (let i = 0; i < 3; i += 1) expect(await post(link, 'short')).toMatchObject({ ok: false })
    expect(await post(link)).toMatchObject({ ok: false, code: 'throttled' })
    expect(await resets().completeReset(inputFrom('203.0.113.10', link))).toEqual({ ok: true })
  })

  test('a client beyond its limit of forged links is rejected, and its genuine link still works [R3, R10]', async () => {
    const forged = forge(linkOf())
    for (let i = 0; i < 3; i += 1) expect(await post(forged)).toMatchObject({ code: 'signature-invalid' })
    for (const signature of [forged.signature, 'x', linkOf(account, 'cancel').signature])
      expect(await post({ ...forged, signature })).toMatchObject({ code: 'throttled' })
    expect(await post(linkOf())).toEqual({ ok: true })
  })

  test('a used link that is posted too often blocks no other link of the same client [R10]', async () => {
    const used = linkOf()
    expect(await post(used)).toEqual({ ok: true })
    for (let i = 0; i < 2; i += 1) expect(await post(used)).toMatchObject({ code: 'signature-used' })
    expect(await post(used)).toMatchObject({ code: 'throttled' })
    expect(await post(linkOf(await opened.addAccount()))).toEqual({ ok: true })
  })

  test('rejected passwords are limited for each link, and a good password is still accepted [R3]', async () => {
    const link = linkOf()
    expect(await post(link, 'short')).toMatchObject({ code: 'password-rejected' })
    expect(await post(link, 'short')).toMatchObject({ code: 'throttled' })
    expect(await post(link)).toEqual({ ok: true })
  })
})

describe('a second factor', () => {
  test('a second factor can reject a reset, and the link still works afterwards [S4]', async () => {
    const link = linkOf()
    expect(await resets({ secondFactor: async () => false }).completeReset(input(link))).toMatchObject({
      code: 'second-factor-required',
    })
    expect(await passwordOf()).toBe('a hash')
    const accepting = resets({ secondFactor: async () => true })
    expect(await accepting.completeReset(inputFrom('203.0.113.10', link))).toEqual({ ok: true })
  })

  test('guesses at a second factor are counted before the factor is checked [R3, S4]', async () => {
    const link = linkOf()
    let checks = 0
    const secondFactor = async () => {
      checks += 1
      return false
    }
    const guess = () => resets({ secondFactor }).completeReset(input(link))
    expect(await guess()).toMatchObject({ code: 'second-factor-required' })
    expect(await guess()).toMatchObject({ code: 'throttled' })
    expect(checks).toBe(1)
  })

  test('ten guesses with one link are checked, from however many networks, and a new link allows more [R3, S4]', async () => {
    let checks = 0
    const guess = (link: Link, network: number) =>
      resets({ secondFactor: async () => (checks += 1) > 100 }).completeReset(
        inputFrom(`2001:db8:0:${network.toString(16)}::1`, link),
      )
    const link = linkOf()
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, network) => guess(link, network)))
    expect(outcomes.filter((one) => !one.ok && one.code === 'second-factor-exhausted')).toHaveLength(20)
    expect(checks).toBe(10)
    const newLink = linkOf(account, 'reset', 5)
    expect(await guess(newLink, 40)).toMatchObject({ code: 'second-factor-required' })
  })
})

describe('the hashes of one link [W9]', () => {
  const inputOf = (network: number, link: Link, password = newPassword) =>
    inputFrom(`2001:db8:1:${network.toString(16)}::1`, link, password)

  test('of 200 posts with one link from 50 clients, one succeeds, and they cost one hash [W9, C12]', async () => {
    const link = linkOf()
    let outcomes: Awaited<ReturnType<typeof post>>[] = []
    const hashes = await hashesOf(async () => {
      outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          resets().completeReset(inputOf(n % 50, link, `${newPassword}${n}`)),
        ),
      )
    })
    expect(hashes).toBe(1)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    // Each client may post three times (LIMIT_RESETS_PER_CLIENT); all but one find the link used.
    expect(outcomes.filter((one) => !one.ok && one.code === 'signature-used')).toHaveLength(149)
    expect(outcomes.filter((one) => !one.ok && one.code === 'throttled')).toHaveLength(50)
    expect(await opened.jobsOf(account)).toEqual(['changed-email'])
  })

  test('posts that all fail to replace the password cost ten hashes of a link, and a new link allows more [W9]', async () => {
    const link = linkOf()
    const accounts = { ...opened.services.accounts, replacePassword: async () => null }
    const failingPost = (network: number, of = link) =>
      resets({}, { accounts }).completeReset(inputOf(network, of))
    const hashes = await hashesOf(async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => failingPost(n)))
      const codes = outcomes.map((one) => (one.ok ? 'ok' : one.code))
      expect(codes.filter((code) => code === 'signature-used')).toHaveLength(10)
      expect(codes.filter((code) => code === 'link-exhausted')).toHaveLength(40)
    })
    expect(hashes).toBe(10)
    expect(await opened.countEntries('limited', 'hashesPerLink')).toBe(1)
    const newLink = linkOf(account, 'reset', 5)
    expect(await hashesOf(() => failingPost(60, newLink))).toBe(1)
  })

  test('a link that works several times sets ten passwords at most [W9]', async () => {
    const parts = opened.reusableLinks()
    const link = parts.links.create('reset', account.id, secondsNow(), signedState(account))
    const outcomes = []
    for (let n = 0; n < 11; n += 1)
      outcomes.push(await resets({}, parts).completeReset(inputOf(n, link, `${newPassword}${n}`)))
    expect(outcomes.slice(0, 10).every(({ ok }) => ok)).toBe(true)
    expect(outcomes[10]).toEqual({ ok: false, code: 'link-exhausted' })
    expect(await opened.services.hash.verify((await passwordOf())!, `${newPassword}9`)).toBe(true)
  })

  test('posts to a server that is too busy to hash do not count towards the hashes of a link [W9]', async () => {
    const link = linkOf()
    const hash: ResetDependencies['hash'] = {
      ...opened.services.hash,
      hash: () => Promise.reject(new HashQueueFull()),
    }
    for (let n = 0; n < 12; n += 1)
      await expect(resets({}, { hash }).completeReset(inputOf(n, link))).rejects.toBeInstanceOf(HashQueueFull)
    const returnHash = () => Promise.reject(new Error('away'))
    const failing = resets({}, { hash, limits: { ...opened.services.limits, returnHash } })
    await expect(failing.completeReset(inputOf(12, link))).rejects.toBeInstanceOf(HashQueueFull)
    expect(await post(link)).toEqual({ ok: true })
  })

  test('a post that waits for another one with the same link succeeds if that one fails [W9]', async () => {
    const link = linkOf()
    const { promise: hashing, resolve } = Promise.withResolvers<void>()
    const hash: ResetDependencies['hash'] = {
      ...opened.services.hash,
      hash: (password) => (resolve(), opened.services.hash.hash(password)),
    }
    const revokeSessions = () => Promise.reject(new Error('no such table'))
    const first = resets({ revokeSessions }, { hash }).completeReset(input(link))
    await hashing
    const second = resets().completeReset(inputOf(1, link))
    await expect(first).rejects.toThrow('no such table')
    expect(await second).toEqual({ ok: true })
  })
})

describe('the transaction of a reset', () => {
  const revokeSessions: RekeyConfig['revokeSessions'] = async (tx, { id }) => {
    await tx.$executeRaw`DELETE FROM "sessions" WHERE "account_id" = ${id}::uuid`
  }
  const countSessions = async () =>
    (await opened.sql.query('SELECT FROM "sessions" WHERE "account_id" = $1', [account.id])).rowCount
  beforeEach(() => opened.sql.query('INSERT INTO "sessions" VALUES ($1), ($1)', [account.id]))

  const expectNothingChanged = async () => {
    expect([await passwordOf(), await countSessions()]).toEqual(['a hash', 2])
    expect([await opened.eventsOf(account), await opened.jobsOf(account)]).toEqual([[], []])
  }

  test('a reset ends the account’s sessions [S1, L1]', async () => {
    expect(await resets({ revokeSessions }).completeReset(input(linkOf()))).toEqual({ ok: true })
    expect(await countSessions()).toBe(0)
    expect(await opened.eventsOf(account)).toEqual(['authn_password_change', 'session_expired'])
  })

  test('a reset changes nothing if the sessions cannot be ended [F8]', async () => {
    const failing = resets({ revokeSessions: () => Promise.reject(new Error('no such table')) })
    await expect(failing.completeReset(input(linkOf()))).rejects.toThrow('no such table')
    await expectNothingChanged()
  })

  test('a reset whose last step fails ends no session, is not audited and queues no email [F8]', async () => {
    const queue: Services['queue'] = {
      ...opened.services.queue,
      add: async (name, ...rest) => {
        if (name === 'changed-hook') throw new Error('the queue is gone')
        await opened.services.queue.add(name, ...rest)
      },
    }
    const failing = resets({ revokeSessions, passwordChanged: async () => undefined }, { queue })
    await expect(failing.completeReset(input(linkOf()))).rejects.toThrow('the queue is gone')
    await expectNothingChanged()
  })

  test('a post that loses against another change of the password ends no session', async () => {
    const secondFactor: RekeyConfig['secondFactor'] = async () => {
      await opened.updateAccount(account.id, `"password" = 'set elsewhere'`)
      return true
    }
    expect(await resets({ revokeSessions, secondFactor }).completeReset(input(linkOf()))).toEqual({
      ok: false,
      code: 'signature-used',
    })
    expect([await passwordOf(), await countSessions()]).toEqual(['set elsewhere', 2])
  })
})

describe('the audit entries of rejected links [L1]', () => {
  test('of several posts of a used link by one client, the first is audited', async () => {
    await post(linkOf())
    const used = linkOf()
    for (let i = 0; i < 2; i += 1) await post(used)
    expect(await opened.eventsOf(account)).toEqual([auditEvents.changed, auditEvents.reused])
  })

  test('of several posts beyond a limit, the first is audited', async () => {
    const before = await opened.countEntries('limited', 'forgeriesPerClient')
    for (let i = 0; i < 6; i += 1) await post({ ...linkOf(), signature: 'x' })
    expect((await opened.countEntries('limited', 'forgeriesPerClient')) - before).toBe(1)
  })

  test('a forged link is audited without an account, since its user id is untrusted', async () => {
    const before = await opened.countEntries('refused', 'signature-invalid')
    await post(forge(linkOf()))
    expect((await opened.countEntries('refused', 'signature-invalid')) - before).toBe(1)
    expect(await opened.eventsOf(account)).toEqual([])
  })
})

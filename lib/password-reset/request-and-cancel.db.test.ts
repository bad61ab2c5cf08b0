import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  forge,
  from,
  newClient,
  newPassword,
  openResets,
  resetInput,
  secondsNow,
  type OpenedResets,
} from '@/e2e/support/opened-resets'
import { signedState, type Account } from '@/lib/accounts/account'
import { auditEvents } from '@/lib/audit/audit'
import type { Services } from '@/services'
import type { ResetDependencies } from './reset-dependencies'
import type { Link, LinkPurpose } from './reset-link'

let opened: OpenedResets
let account: Account
let client: string
beforeAll(async () => void (opened = await openResets()), 120_000)
beforeEach(async () => {
  account = await opened.addAccount()
  client = newClient()
  await opened.clearLimits()
})
afterAll(() => opened.close())

const resets = (...given: Parameters<OpenedResets['resets']>) => opened.resets(...given)
const linkOf = (of = account, purpose: LinkPurpose = 'reset', age = 0) => opened.linkOf(of, purpose, age)

describe('requests for a link', () => {
  const request = (target: { login: string } | { link: Link }) =>
    resets().requestLink({ target, ...from(client) })

  test('a client’s requests beyond its limit are rejected [R1]', async () => {
    for (let i = 0; i < 2; i += 1) expect(await request({ login: randomUUID() })).toMatchObject({ ok: true })
    expect(await request({ login: randomUUID() })).toMatchObject({ ok: false, code: 'throttled' })
  })

  test('a link can be renewed although others of the same network used up its requests [R10]', async () => {
    for (let i = 0; i < 2; i += 1) await request({ login: randomUUID() })
    expect(await request({ login: randomUUID() })).toMatchObject({ code: 'throttled' })
    expect(await request({ link: linkOf() })).toMatchObject({ ok: true })
  })

  test('a forged link requests no new one [T12]', async () => {
    expect(await request({ link: forge(linkOf()) })).toEqual({ ok: false, code: 'not-genuine' })
    expect(await opened.jobsOf(account)).toEqual([])
  })

  test('a "this wasn’t me" link requests no reset link [T2]', async () => {
    expect(await request({ link: linkOf(account, 'cancel') })).toMatchObject({ code: 'not-genuine' })
  })

  test('a login that is too long gets the same response, is counted, and is not stored [I3, L6]', async () => {
    const longest = 'x'.repeat(320)
    const countJobs = async () => {
      const { rows } = await opened.sql.query(
        `SELECT count(*)::int AS "n" FROM rekey_queue.job WHERE name = 'link-request'`,
      )
      return rows[0].n as number
    }
    const [jobs, entries] = [await countJobs(), await opened.countEntries('requested', 'no-account')]
    const outcome = await request({ login: longest })
    expect(await countJobs()).toBe(jobs + 1)
    expect(await request({ login: `${longest}x` })).toEqual(outcome)
    expect(await countJobs()).toBe(jobs + 1)
    expect((await opened.countEntries('requested', 'no-account')) - entries).toBe(1)
    expect(await request({ login: `${longest}x` })).toMatchObject({ code: 'throttled' })
  })

  test('if responses reveal unknown accounts, a login that is too long is unknown and not looked up', async () => {
    const settings = { reset: { ...opened.services.settings.reset, failWhenUserNotFound: true } }
    const lookedUp: string[] = []
    const accounts: Services['accounts'] = {
      ...opened.services.accounts,
      findByLogin: async (login) => (lookedUp.push(login), [account]),
    }
    const revealingRequest = (login: string) =>
      resets({}, { settings, accounts }).requestLink({ target: { login }, ...from(client) })
    expect(await revealingRequest('x'.repeat(321))).toEqual({ ok: false, code: 'not-found' })
    expect(lookedUp).toEqual([])
    expect(await revealingRequest('x'.repeat(320))).toEqual({ ok: true, found: true })
  })
})

describe('"this wasn’t me"', () => {
  const cancel = (link: Link, by = client) => resets().cancelReset({ link, ...from(by) })
  const cancelled = (newLink: boolean) => ({ ok: true, newLink })

  test('"this wasn’t me" in an email with a link revokes all links, once, and requests no new one [T5]', async () => {
    const link = linkOf()
    expect(await cancel(linkOf(account, 'cancel'))).toEqual(cancelled(false))
    expect(await cancel(linkOf(account, 'cancel'))).toEqual({ ok: false, code: 'signature-used' })
    expect(await resets().inspectLink(link)).toEqual({ state: 'signature-used' })
    expect(await opened.jobsOf(account)).toEqual([])
    expect(await opened.eventsOf(account)).toEqual([auditEvents.cancelled, auditEvents.reused])
  })

  test('of three presses of "this wasn’t me" at the same time, one succeeds and requests a new link [T5]', async () => {
    const presses = Array.from({ length: 3 }, () => cancel(linkOf(account, 'cancel-change')))
    expect((await Promise.all(presses)).filter(({ ok }) => ok)).toEqual([cancelled(true)])
    expect(await opened.jobsOf(account)).toEqual(['link-request'])
  })

  test('a change of the password revokes the first email’s "this wasn’t me" but not that of the second [T5]', async () => {
    const first = linkOf(account, 'cancel')
    expect(await resets().completeReset(resetInput(linkOf(), newPassword, client))).toEqual({ ok: true })
    // Otherwise a thief could use up the link in the second email with the link in the first one.
    const second = linkOf(await opened.read(account), 'cancel-change')
    expect(await resets().inspectCancelLink(first)).toEqual({ state: 'signature-used', changed: false })
    expect(await cancel(first)).toEqual({ ok: false, code: 'signature-used' })
    expect(await cancel(second)).toEqual(cancelled(true))
  })

  test('if links work more than once, "this wasn’t me" in the first email undoes a change as well [T5]', async () => {
    const parts = opened.reusableLinks()
    const reusing = resets({}, parts)
    const link = (purpose: LinkPurpose) =>
      parts.links.create(purpose, account.id, secondsNow() - 5, signedState(account))
    expect(await reusing.inspectCancelLink(link('cancel'))).toMatchObject({ changed: false, newLink: false })
    expect(await reusing.completeReset(resetInput(link('reset'), newPassword, client))).toEqual({ ok: true })
    expect(await reusing.inspectCancelLink(link('cancel'))).toMatchObject({ changed: true, newLink: true })
    expect(await reusing.cancelReset({ link: link('cancel'), ...from(client) })).toEqual(cancelled(true))
    expect(await opened.jobsOf(account)).toContain('link-request')
  })

  test('a reset link cancels nothing [T2]', async () => {
    const link = linkOf()
    expect(await cancel(link)).toEqual({ ok: false, code: 'signature-invalid' })
    expect(await resets().inspectCancelLink(link)).toEqual({ state: 'signature-invalid', changed: false })
    expect(await resets().inspectLink(link)).toMatchObject({ state: 'valid' })
  })

  test('an expired "this wasn’t me" link still shows whether its email was about a changed password', async () => {
    for (const [purpose, changed] of [
      ['cancel', false],
      ['cancel-change', true],
    ] as const) {
      const link = linkOf(account, purpose, 8 * 24 * 3600)
      expect(await resets().inspectCancelLink(link)).toEqual({ state: 'signature-expired', changed })
    }
  })

  test('inspecting a "this wasn’t me" link changes nothing [T13]', async () => {
    const link = linkOf(account, 'cancel')
    for (let i = 0; i < 3; i += 1)
      expect(await resets().inspectCancelLink(link)).toMatchObject({ state: 'valid' })
    expect(await resets().inspectLink(linkOf())).toMatchObject({ state: 'valid' })
  })
})

describe('the rate limits of "this wasn’t me"', () => {
  const cancel = (link: Link, by = client) => resets().cancelReset({ link, ...from(by) })

  test('a "this wasn’t me" link is rejected beyond its limit [R1]', async () => {
    // One link for all presses, because links are counted.
    const link = linkOf(account, 'cancel')
    for (let i = 0; i < 3; i += 1) await cancel(link)
    expect(await cancel(link)).toMatchObject({ code: 'throttled' })
  })

  test.each(['cancel', 'cancel-change'] as const)(
    'forged links and reset links of a client do not block its genuine link to %s [R10]',
    async (purpose) => {
      const forged = forge(linkOf(account, purpose))
      for (const link of [forged, forged, linkOf()])
        expect(await cancel(link)).toMatchObject({ code: 'signature-invalid' })
      for (const link of [forged, linkOf()]) expect(await cancel(link)).toMatchObject({ code: 'throttled' })
      expect(await cancel(linkOf(account, purpose))).toMatchObject({ ok: true })
    },
  )

  test('"this wasn’t me" requests three links an hour for an account from all clients, then does nothing [R1, R3]', async () => {
    const cancelChange = async (of: Account, by: string) =>
      cancel(linkOf(await opened.read(of), 'cancel-change'), by)
    const other = await opened.addAccount()
    for (const n of [1, 2, 3])
      expect(await cancelChange(account, `203.0.113.${n}`)).toMatchObject({ newLink: true })
    const before = await opened.read(account)
    expect(await cancelChange(account, '203.0.113.4')).toMatchObject({ code: 'throttled', retryAfter: 3600 })
    expect(await opened.read(account)).toEqual(before)
    expect((await opened.jobsOf(account)).filter((name) => name === 'link-request')).toHaveLength(3)
    expect(await cancelChange(other, '203.0.113.4')).toMatchObject({ ok: true })
    expect(await cancel(linkOf(before, 'cancel'))).toEqual({ ok: true, newLink: false })
  })

  test('presses of "this wasn’t me" that request no link, because of an outage or another press, are not counted [R3]', async () => {
    const link = linkOf(account, 'cancel-change')
    const broken: Partial<ResetDependencies> = {
      queue: { ...opened.services.queue, add: () => Promise.reject(new Error('away')) },
    }
    for (let n = 0; n < 3; n += 1) {
      const failing = resets({}, broken).cancelReset({ link, ...from(`203.0.113.${n}`) })
      await expect(failing).rejects.toThrow('away')
    }
    const presses = [4, 5, 6].map((n) => cancel(link, `203.0.113.${n}`))
    expect((await Promise.all(presses)).filter(({ ok }) => ok)).toEqual([{ ok: true, newLink: true }])
    const again = linkOf(await opened.read(account), 'cancel-change')
    expect(await cancel(again)).toEqual({ ok: true, newLink: true })
  })

  test('if a press of "this wasn’t me" fails and its count cannot be taken back, the first error is thrown', async () => {
    const link = linkOf(account, 'cancel-change')
    const { queue, limits } = opened.services
    const failing = resets(
      {},
      {
        queue: { ...queue, add: () => Promise.reject(new Error('away')) },
        limits: { ...limits, returnRestart: () => Promise.reject(new Error('cannot be taken back')) },
      },
    )
    await expect(failing.cancelReset({ link, ...from(client) })).rejects.toThrow('away')
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { countedEmail, releaseEmail } from '@/e2e/support/counted-email'
import { isLong } from '@/e2e/support/long-form'
import {
  allButLast,
  limitSecret,
  openLimitsForTests,
  repeat,
  type OpenedLimits,
} from '@/e2e/support/opened-limits'
import type { Limits } from './limits'

let opened: OpenedLimits
let limits: Limits
openLimitsForTests((database) => {
  opened = database
  limits = database.limits()
})

describe('the emails of the installation', () => {
  const oneEmail = () => limits.countEmail(countedEmail())
  const firstEmail = () => limits.countEmail(countedEmail({ first: true }))

  test('the emails of the installation are limited, and one alert in ten minutes says that none is left [R1]', async () => {
    expect(await repeat(3, oneEmail)).toEqual([true, true, true])
    expect(await oneEmail()).toMatchObject({ ok: false, alert: true })
    expect(await oneEmail()).toMatchObject({ ok: false, alert: false })
    await opened.advanceClock(3600)
    expect(await oneEmail()).toMatchObject({ ok: true, alert: false })
  })

  test('beyond the limit, as many emails again may leave if each is an account’s first [R1, R3]', async () => {
    await repeat(3, oneEmail)
    expect(await firstEmail()).toMatchObject({ ok: true, alert: true })
    expect(await repeat(4, firstEmail)).toEqual([true, true, false, false])
    expect(await repeat(2, oneEmail)).toEqual([false, false])
  })

  test('an email that was not sent is not counted', async () => {
    await repeat(2, oneEmail)
    await releaseEmail(await oneEmail())
    expect(await repeat(2, oneEmail)).toEqual([true, false])
  })

  test('a first email that was not sent is taken back from the budget of first emails [R1]', async () => {
    await repeat(3, oneEmail)
    const firsts = [await firstEmail(), await firstEmail(), await firstEmail()]
    await releaseEmail(firsts[0]!)
    expect(await repeat(2, firstEmail)).toEqual([true, false])
  })
})

describe('the random budgets of emails [A9]', () => {
  const limitsOf400Emails = (secret = limitSecret) =>
    opened.limits({ emails: { count: 400, seconds: 3600 } }, secret)

  const setPoints = (name: string, points: number) =>
    opened.pool.query('UPDATE "rekey"."limits" SET "points" = $2 WHERE "key" LIKE $1', [
      `${name}:all %`,
      points,
    ])

  /** Finds by bisection how many emails may leave in the present window: between 200 and 500. */
  async function findBudget(of: Limits, name: 'emails' | 'firstEmails'): Promise<number> {
    const spend = () => of.countEmail(countedEmail({ first: name === 'firstEmails' }))
    await opened.clear()
    await spend()
    if (name === 'firstEmails') {
      await setPoints('emails', 500)
      await spend()
    }
    let [leaves, refused] = [200, 500]
    while (refused - leaves > 1) {
      const middle = Math.floor((leaves + refused) / 2)
      await setPoints(name, middle - 1)
      if ((await spend()).ok) leaves = middle
      else refused = middle
    }
    return leaves
  }

  test.each([350, 400])(
    'whether the %ith of 400 emails leaves does not reveal whether an email to somebody else left before it [A9]',
    async (place) => {
      const of = limitsOf400Emails()
      const tries = isLong ? 200 : 50
      let right = 0
      for (let i = 0; i < tries; i += 1) {
        await opened.advanceClock(3600)
        const isKnown = i % 2 === 0
        // The attacker's own accounts use up what comes before. Then come the email to the victim and one of the attacker's.
        await of.countEmail(countedEmail())
        await opened.pool.query(`UPDATE "rekey"."limits" SET "points" = $1 WHERE "key" LIKE 'emails:%'`, [
          place - 1,
        ])
        if (isKnown) await of.countEmail(countedEmail())
        const arrives = (await of.countEmail(countedEmail())).ok
        // With an exact limit, it would leave if and only if the victim got none.
        if (arrives !== isKnown) right += 1
      }
      // Guessing is right in half of the tries; in 38 or more of 50, once in five thousand runs.
      expect(right / tries).toBeLessThanOrEqual(0.74)
    },
  )

  test('budgets are up to a quarter below the limit, differ by window, and the second does not reveal the first [A9]', async () => {
    const of = limitsOf400Emails()
    const found: [number, number][] = []
    for (let i = 0; i < 8; i += 1) {
      await opened.advanceClock(3600)
      found.push([await findBudget(of, 'emails'), await findBudget(of, 'firstEmails')])
    }
    for (const budget of found.flat()) {
      expect(budget).toBeGreaterThanOrEqual(300)
      expect(budget).toBeLessThanOrEqual(400)
    }
    const spread = (values: number[]) => Math.max(...values) - Math.min(...values)
    expect(spread(found.map(([usual]) => usual))).toBeGreaterThan(15)
    expect(spread(found.map(([usual, first]) => first - usual))).toBeGreaterThan(15)
  })

  test('instances with the same secret have the same budget, and another secret gives another one [A9]', async () => {
    const budgets: number[] = []
    for (const of of [limitsOf400Emails(), limitsOf400Emails(), limitsOf400Emails(`${limitSecret}x`)]) {
      const usual = await findBudget(of, 'emails')
      budgets.push(usual * 1000 + (await findBudget(of, 'firstEmails')))
    }
    expect(budgets[1]).toBe(budgets[0])
    expect(budgets[2]).not.toBe(budgets[0])
  })

  test('a spent budget stays spent, so that the failure of one email does not show in the sending of another [A9]', async () => {
    const taken = [await limits.countEmail(countedEmail()), await limits.countEmail(countedEmail())]
    expect(await repeat(2, () => limits.countEmail(countedEmail()))).toEqual([true, false])
    for (const one of taken) await releaseEmail(one)
    expect(await repeat(2, () => limits.countEmail(countedEmail()))).toEqual([false, false])
  })
})

describe('the emails of one mailbox [R11]', () => {
  const never = async () => false
  const always = async () => true
  beforeEach(() => {
    limits = opened.limits({ emails: { count: 10_000, seconds: 3600 } })
  })
  const spend = (accountId: string, isOnTurn = never, address = 'a@example.com') =>
    limits.countEmail(countedEmail({ accountId, isOnTurn, address }))

  test('all accounts of a mailbox share its limit, and another mailbox has a limit of its own [R11]', async () => {
    expect(await repeat(5, (i) => spend(`account ${i}`))).toEqual(allButLast(5))
    expect(await spend('account 0', never, 'b@example.com')).toMatchObject({ ok: true })
    await opened.advanceClock(3600)
    expect(await spend('account 0')).toMatchObject({ ok: true })
  })

  test('beyond the limit of a mailbox, each account on turn gets one more email, and twenty of them at most [R11]', async () => {
    await repeat(4, () => spend('strangers'))
    expect(await repeat(2, () => spend('own', always))).toEqual([true, false])
    const others = await repeat(30, (i) => spend(`other ${i}`, always))
    expect(others.filter(Boolean)).toHaveLength(19)
  })

  test('an email that was not sent does not count towards the limit of its mailbox [R11]', async () => {
    await repeat(3, () => spend('x'))
    await releaseEmail(await spend('x'))
    expect(await repeat(2, () => spend('x'))).toEqual([true, false])
  })

  test('an email above the limit of its mailbox does not count for the installation, and one on turn does [R1, R11]', async () => {
    await repeat(6, () => spend('own'))
    const pointsOf = async (name: string) =>
      (await opened.rows()).find(({ key }) => key.startsWith(`${name}:`))?.points
    expect([await pointsOf('emailsPerMailbox'), await pointsOf('emails')]).toEqual([6, 4])
    expect(await spend('own', always)).toMatchObject({ ok: true })
    expect([await pointsOf('emailsPerMailbox'), await pointsOf('emails')]).toEqual([7, 5])
  })

  test('the email that "this wasn’t me" requests is sent above the limit, and its release allows no other one [R3, R11]', async () => {
    expect(await repeat(5, () => spend('x'))).toEqual(allButLast(5))
    const facts = { bypassesMailbox: true, address: 'a@example.com' }
    const above = await limits.countEmail(countedEmail(facts))
    expect(above).toMatchObject({ ok: true })
    await releaseEmail(above)
    expect(await repeat(2, () => spend('x'))).toEqual([false, false])
  })

  test('an email above the limit of the installation does not count for its mailbox [R1, R11]', async () => {
    limits = opened.limits({ emails: { count: 1, seconds: 3600 } })
    expect(await repeat(10, () => spend('x'))).toEqual([true, ...Array<boolean>(9).fill(false)])
    const ofMailbox = (await opened.rows()).find(({ key }) => key.startsWith('emailsPerMailbox:'))
    expect(ofMailbox).toMatchObject({ points: 1 })
  })

  test('of twelve emails in one batch as many are allowed as one after the other, by both limits [R11, R14]', async () => {
    const of = opened.limits()
    const counted = await Promise.all(
      Array.from({ length: 12 }, (_, n) => of.countEmail(countedEmail({ address: `${n % 2}@example.com` }))),
    )
    expect(counted.map(({ ok }) => ok)).toEqual([true, true, true, ...Array<boolean>(9).fill(false)])
    const refusals = counted.flatMap((one) => (one.ok ? [] : [one.limit])).toSorted()
    // The limit of each mailbox allows four of its six. The limit of the installation allows three of these eight.
    expect(refusals).toEqual([...Array<string>(5).fill('budget'), ...Array<string>(4).fill('mailbox')])
  })

  test('of twenty accounts all are on turn; of a hundred, the ten oldest always and each other one in time [R11]', async () => {
    const ids = Array.from({ length: 100 }, (_, n) => `id ${n}`)
    expect(limits.chooseOnTurn(ids.slice(0, 20))).toEqual(ids.slice(0, 20))
    const seen = new Set<string>()
    for (let i = 0; i < 200; i += 1) {
      const chosen = limits.chooseOnTurn(ids)
      expect(new Set(chosen).size).toBe(20)
      expect(chosen.slice(0, 10)).toEqual(ids.slice(0, 10))
      for (const id of chosen) seen.add(id)
      await opened.advanceClock(3600)
    }
    // Each of the ninety is left out of 200 draws of ten once in ten billion times.
    expect(seen.size).toBe(100)
  })

  test('the table of limits contains neither addresses nor account ids of emails [R11, L5]', async () => {
    await repeat(5, () => spend('account-id', always, 'grace@example.com'))
    for (const { key } of await opened.rows()) expect(key).not.toMatch(/grace|example|account-id/)
  })
})

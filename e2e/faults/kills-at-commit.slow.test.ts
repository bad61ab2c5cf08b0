import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { postJson } from '@/e2e/support/exchange'
import { printFaultRow } from '@/e2e/support/fault-table'
import { startKillable, type KillableProcess } from '@/e2e/support/killable-processes'
import { isLong } from '@/e2e/support/long-form'
import {
  appSettings,
  freePort,
  newPassword,
  startApp,
  type LinkParameters,
  type Person,
  type RunningApp,
} from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'
import { testServer } from '@/e2e/support/test-database'

const resets = isLong ? 300 : 30
const together = 3

/** Milliseconds until the kill, at most: longer than three hashes and transactions take. */
const killWithin = 600

/** When the process is killed: before or after the commit of the first reset, at the first response, or at a random time. */
const moments = ['before', 'after', 'answered', 'any', 'any'] as const

type Reset = {
  person: Person
  link: LinkParameters
  old: string
  chosen: string
  /** 0 where the connection broke before a response. */
  status: number
}

describe.runIf(testServer)('a web process that is killed while it sets passwords', () => {
  let stable: RunningApp
  let proxy: DatabaseProxy
  const victims: KillableProcess[] = []
  beforeAll(async () => {
    stable = await startApp()
    proxy = await startDatabaseProxy(stable.database)
    for (let n = 0; n < 2; n += 1) {
      const place = { ...stable, database: proxy.database, port: await freePort() }
      victims.push(await startKillable('web', appSettings(place)))
    }
  })
  afterAll(async () => {
    await Promise.all(victims.map((victim) => victim.kill()))
    await proxy?.close()
    await stable?.stop()
  })

  const post = (port: number, link: LinkParameters, password: string) =>
    postJson(port, 'reset-password', { ...link, password })

  async function makeReset(): Promise<Omit<Reset, 'status'>> {
    const old = newPassword()
    const person = await stable.addPerson({ password: old })
    const { user_id, timestamp, signature } = await signedLinks(stable).linkOf(person)
    return { person, old, chosen: newPassword(), link: { user_id, timestamp: String(timestamp), signature } }
  }

  async function killDuring(victim: KillableProcess, when: (typeof moments)[number]): Promise<Reset[]> {
    // A new process loads code at its first request.
    const forged = { user_id: 'nobody', timestamp: '1', signature: 'x' }
    expect((await post(victim.port, forged, newPassword())).status).toBe(400)
    const made = await Promise.all(Array.from({ length: together }, makeReset))
    const { promise: answered, resolve } = Promise.withResolvers<void>()
    const moment = when === 'before' || when === 'after' ? proxy.cutAtCommit(when) : undefined
    const ended = made.map(async (reset) => {
      const answer = await post(victim.port, reset.link, reset.chosen).catch(() => undefined)
      resolve()
      return { ...reset, status: answer?.status ?? 0 }
    })
    await (moment ?? (when === 'answered' ? answered : pause(randomInt(killWithin))))
    await victim.kill()
    await victim.start()
    return Promise.all(ended)
  }

  async function effectsOf({ id }: Person) {
    const { rows } = await stable.sql.query<{ audited: number; notices: number }>(
      `SELECT (SELECT count(*)::int FROM rekey.audit WHERE account_id = $1 AND event = 'authn_password_change') AS "audited",
              (SELECT count(*)::int FROM rekey_queue.job WHERE name = 'changed-email' AND data->>'accountId' = $1) AS "notices"`,
      [id],
    )
    return rows[0]
  }

  test('a reset during which its web process is killed is done either completely, email included, or not at all [F8, O1]', async () => {
    const row = { caused: 0, accepted: 0, delivered: 0, duplicates: 0, lost: 0, changed: 0 }
    for (let done = 0; done < resets; done += together) {
      const ended = await killDuring(
        victims[row.caused % 2]!,
        moments[Math.floor(row.caused / 2) % moments.length]!,
      )
      row.caused += 1
      for (const reset of ended) {
        const { person, link, old, chosen, status } = reset
        const isNew = await stable.passwordIs(person, chosen)
        expect(await stable.passwordIs(person, old)).toBe(!isNew)
        expect(await effectsOf(person)).toEqual(
          isNew ? { audited: 1, notices: 1 } : { audited: 0, notices: 0 },
        )
        expect([0, 200, 503]).toContain(status)
        if (status === 200) row.accepted += 1
        if (status === 200 && isNew) row.delivered += 1
        if (status === 200 && !isNew) row.lost += 1
        if (isNew) row.changed += 1
        const again = await post(stable.port, link, newPassword())
        expect([again.status, (again.json as { code?: string }).code]).toEqual(
          isNew ? [400, 'signature-used'] : [200, undefined],
        )
      }
      for (const { person } of ended) await stable.sink.next(person.email)
      for (const { person } of ended) expect(stable.sink.countTo(person.email)).toBe(1)
    }
    expect(row.lost).toBe(0)
    expect(row.changed).toBeGreaterThan(0)
    expect(row.changed).toBeLessThan(resets)
    printFaultRow({
      fault: `web process killed around the commit of a reset (${row.changed} of ${resets} happened)`,
      ...row,
    })
  }, 3_600_000)
})

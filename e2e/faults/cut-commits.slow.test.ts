import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, requestStatus, type Member } from '@/e2e/support/crowd'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { printFaultRow } from '@/e2e/support/fault-table'
import { startKillable, type KillableProcess } from '@/e2e/support/killable-processes'
import { isLong } from '@/e2e/support/long-form'
import { settled } from '@/e2e/support/settled-jobs'
import { appSettings, freePort, startApp, type RunningApp } from '@/e2e/support/running-app'
import { testServer } from '@/e2e/support/test-database'

const cuts = isLong ? 100 : 10
const kills = isLong ? 100 : 5
const together = 5
const waiting = 40

/** Milliseconds between the start of the requests and the kill, at most. */
const killWithin = 150

describe.runIf(testServer)('requests whose database connection is lost', () => {
  let stable: RunningApp
  let proxy: DatabaseProxy
  let web: KillableProcess
  beforeAll(async () => {
    stable = await startApp()
    proxy = await startDatabaseProxy(stable.database)
    web = await startKillable(
      'web',
      appSettings({ ...stable, database: proxy.database, port: await freePort() }),
    )
  })
  afterAll(async () => {
    await web?.kill()
    await proxy?.close()
    await stable?.stop()
  })

  const request = (member: Member) => requestStatus(web.port, member)

  /** Matches the JSON of a job for a login, also inside other JSON. */
  const jobOf = ({ login }: Member) => new RegExp(`login\\W+${login}\\b`)

  test.each([
    ['before', 'before', 0],
    ['after', 'after', 1],
  ] as const)(
    'a connection lost right %s a commit gives 503 and at most one email, and each 200 has its email [F1, F7]',
    async (_, when, emailsInDoubt) => {
      const row = { caused: 0, accepted: 0, delivered: 0, duplicates: 0, lost: 0 }
      for (; row.caused < cuts; row.caused += 1) {
        const crowd = await addCrowd(stable.sql, together)
        const [unlucky] = crowd as [Member]
        const lost = proxy.cutAt(jobOf(unlucky), when)
        const statuses = await Promise.all(crowd.map(request))
        await lost
        await settled(stable)
        expect(statuses[0]).toBe(503)
        expect(stable.sink.countTo(unlucky.email)).toBe(emailsInDoubt)
        for (const [nth, { email }] of crowd.entries()) {
          const emails = stable.sink.countTo(email)
          expect([200, 503]).toContain(statuses[nth])
          row.duplicates += Math.max(0, emails - 1)
          if (statuses[nth] !== 200) continue
          row.accepted += 1
          row.delivered += Math.min(1, emails)
          row.lost += emails === 0 ? 1 : 0
        }
      }
      expect([row.lost, row.duplicates]).toEqual([0, 0])
      const [next] = (await addCrowd(stable.sql, 1)) as [Member]
      expect(await request(next)).toBe(200)
      await stable.sink.next(next.email)
      printFaultRow({ fault: `connection cut ${when} the commit of a request`, ...row })
    },
    1_200_000,
  )

  test('a process that is killed while requests wait for the database has sent no 200 without a stored job [F1]', async () => {
    const row = { caused: 0, accepted: 0, delivered: 0, duplicates: 0, lost: 0 }
    for (; row.caused < kills; row.caused += 1) {
      const [first, ...crowd] = (await addCrowd(stable.sql, 1 + waiting)) as [Member, ...Member[]]
      // A new process opens connections and loads code at its first request.
      expect(await request(first)).toBe(200)
      // The delay makes many requests wait at the same time.
      proxy.delay(20)
      let answers = 0
      const requests = crowd.map((member) => request(member).finally(() => (answers += 1)))
      if (row.caused % 2 === 0) await pause(randomInt(killWithin))
      else
        await expect.poll(() => answers, { interval: 1, timeout: 20_000 }).toBeGreaterThan(randomInt(waiting))
      await web.kill()
      await proxy.restore()
      const [statuses] = await Promise.all([Promise.all(requests), web.start()])
      await settled(stable)
      for (const [nth, { email }] of crowd.entries()) {
        const emails = stable.sink.countTo(email)
        expect([0, 200, 503]).toContain(statuses[nth])
        row.duplicates += Math.max(0, emails - 1)
        if (statuses[nth] !== 200) continue
        row.accepted += 1
        row.delivered += Math.min(1, emails)
        row.lost += emails === 0 ? 1 : 0
      }
    }
    expect([row.lost, row.duplicates]).toEqual([0, 0])
    expect(row.accepted).toBeGreaterThan(0)
    expect(row.accepted).toBeLessThan(waiting * kills)
    printFaultRow({ fault: 'web process killed while requests wait for the database', ...row })
  }, 1_200_000)
})

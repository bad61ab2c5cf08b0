import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, emailsByAddress, requestStatus, type Member } from '@/e2e/support/crowd'
import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { countRow, printFaultRow } from '@/e2e/support/fault-table'
import { isLong } from '@/e2e/support/long-form'
import { settled, settledSoon } from '@/e2e/support/settled-jobs'
import { postgresPrograms, startPostgres, type PostgresCluster } from '@/e2e/support/postgres-cluster'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { testServer } from '@/e2e/support/test-database'
import { defaultSchemaNames } from '@/lib/config/schema-names'

// The app reaches the primary through a proxy, as through a virtual address.

const terminations = isLong ? 100 : 10
const restarts = isLong ? 30 : 3
const failovers = isLong ? 5 : 1

const clients = 6

const skipped = postgresPrograms === undefined ? ' (skipped: no PostgreSQL server is installed)' : ''

describe.runIf(testServer && postgresPrograms)(`a database server that stops${skipped}`, () => {
  let primary: PostgresCluster
  let standby: PostgresCluster | undefined
  let proxy: DatabaseProxy
  let app: RunningApp
  beforeAll(async () => {
    primary = await startPostgres()
    await primary.query('CREATE DATABASE rekey')
    proxy = await startDatabaseProxy({
      url: primary.url('rekey'),
      schemas: defaultSchemaNames,
      kind: 'server',
      sharedSession: false,
      drop: async () => undefined,
    })
    app = await startApp({ database: proxy.database })
    app.sink.answerAfterMs = 20
  })
  afterAll(async () => {
    await app?.stop()
    await proxy?.close()
    await Promise.all([primary?.remove(), standby?.remove()])
    await app?.sink.close()
  })

  async function causeUnderLoad(
    { fault, times, everyMs }: { fault: string; times: number; everyMs: number },
    cause: (nth: number) => Promise<unknown>,
  ) {
    const crowd = await addCrowd(app.sql, 20_000)
    const accepted: Member[] = []
    const statuses = new Set<number>()
    let next = 0
    let stopping = false
    const loading = Array.from({ length: clients }, async () => {
      while (!stopping) {
        const member = crowd[next++]!
        const status = await requestStatus(app.port, member)
        statuses.add(status)
        if (status === 200) accepted.push(member)
        await pause(40)
      }
    })
    try {
      for (let nth = 0; nth < times; nth += 1) {
        const before = accepted.length
        await expect.poll(() => accepted.length, { timeout: 60_000 }).toBeGreaterThan(before)
        await pause(randomInt(everyMs))
        await cause(nth)
      }
      const before = accepted.length
      await expect.poll(() => accepted.length, { timeout: 60_000 }).toBeGreaterThan(before + 10)
    } finally {
      stopping = true
      await Promise.all(loading)
    }
    // A job whose result a worker could not store is tried again when its heartbeat is missing.
    await (isLong ? settled(app, 120_000) : settledSoon(app))
    const row = countRow(fault, times, accepted, app.sink)
    printFaultRow(row)
    expect(row.lost).toBe(0)
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([])
    // A copy comes from an email that a worker sent without storing the result.
    for (const copies of emailsByAddress(app.sink).values()) {
      expect(copies.length).toBeLessThanOrEqual(1 + times)
      expect(new Set(copies.map(({ mail, link }) => `${mail.messageId} ${link}`)).size).toBe(1)
    }
  }

  const starts = () => app.output().match(/"event":"(?:worker_started|sys_startup)"/g)?.length

  test('no accepted request is lost when an administrator ends all database sessions (57P01) [F1, F7]', async () => {
    const before = starts()
    const fault = 'all sessions of the database terminated'
    await causeUnderLoad({ fault, times: terminations, everyMs: 300 }, () =>
      primary.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'rekey'`),
    )
    expect(starts()).toBe(before)
  }, 1_200_000)

  test('no accepted request is lost when the database server is restarted or crashes [F1, F7]', async () => {
    const before = starts()
    const stops = [() => primary.stop('SIGINT'), () => primary.stop('SIGQUIT'), () => primary.kill()]
    const fault = 'database server restarted: shut down, aborted, or killed'
    await causeUnderLoad({ fault, times: restarts, everyMs: 300 }, async (nth) => {
      await stops[nth % stops.length]!()
      await primary.start()
    })
    expect(starts()).toBe(before)
  }, 1_200_000)

  test('no accepted request is lost in a failover to a standby with synchronous replication [F1, F7]', async () => {
    const before = starts()
    const fault = 'database server killed, its standby promoted (synchronous replication)'
    await replicate()
    await causeUnderLoad({ fault, times: failovers, everyMs: 300 }, async (nth) => {
      await primary.kill()
      // Every other time, connections reach the standby while it is still read-only.
      if (nth % 2 === 0) proxy.leadTo(standby!.port)
      await standby!.query('SELECT pg_promote()')
      proxy.leadTo(standby!.port)
      await primary.remove()
      primary = standby!
      standby = undefined
      if (nth + 1 < failovers) await replicate()
    })
    expect(starts()).toBe(before)
  }, 1_200_000)

  /** Starts a standby. From then on, the primary confirms a commit only after the standby has stored it. */
  async function replicate(): Promise<void> {
    standby = await startPostgres(primary)
    await primary.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await primary.query('SELECT pg_reload_conf()')
    await expect
      .poll(() => primary.query('SELECT sync_state FROM pg_stat_replication'))
      .toEqual([{ sync_state: 'sync' }])
  }
})

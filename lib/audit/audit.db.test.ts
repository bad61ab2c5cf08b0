import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { auditEvents, createAuditLog } from './audit'
import { openDatabase, type Database } from '@/lib/database/pool'
import { defaultSchemaNames } from '@/lib/config/schema-names'

let database: TestDatabase
let opened: Database
let sql: pg.Client
let lines: Record<string, unknown>[]
const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })

beforeAll(async () => {
  database = await createMigratedDatabase()
  opened = openDatabase({ ...database, poolSize: 2 }, log)
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
}, 120_000)
beforeEach(() => void (lines = []))
afterAll(async () => {
  await sql.end()
  await opened.close()
  await database.drop()
})

const audit = () => createAuditLog(opened, '', log)

describe('one audit entry', () => {
  test('an audit entry is a row of the table and a line of the log with the same facts [L1, L2]', async () => {
    const accountId = randomUUID()
    await audit().record('changed', { accountId, requestId: 'r-1', client: '198.51.100.77', reason: 'x' })
    const entry = { event: auditEvents.changed, client: '198.51.100.0/24', reason: 'x', requestId: 'r-1' }
    expect(await audit().history(accountId)).toEqual([{ at: expect.any(Date), ...entry, actor: null }])
    expect(lines).toMatchObject([{ accountId, ...entry }])
  })

  test.each([
    ['198.51.100.77', '198.51.100.0/24'],
    ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ['::ffff:198.51.100.77', '198.51.100.0/24'],
    ['unknown', null],
    ['eve@evil.example', null],
  ])('of the client %s, an audit entry stores %s [L5]', async (client, stored) => {
    const accountId = randomUUID()
    await audit().record('requested', { accountId, client })
    expect((await audit().history(accountId)).map((entry) => entry.client)).toEqual([stored])
  })

  test('an audit entry is stored if its transaction is committed, and not if it is rolled back', async () => {
    const [undone, done] = [randomUUID(), randomUUID()]
    const failing = opened.prisma.$transaction(async (tx) => {
      await audit().record('changed', { accountId: undone }, tx)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    await opened.prisma.$transaction((tx) => audit().record('changed', { accountId: done }, tx))
    expect(await audit().history(undone)).toEqual([])
    expect(await audit().history(done)).toHaveLength(1)
  })

  test('an audit entry that cannot be stored throws, unless it is recorded with best effort', async () => {
    const away = openDatabase(
      { url: 'postgresql://127.0.0.1:1/x', schemas: defaultSchemaNames, poolSize: 1 },
      log,
    )
    const broken = createAuditLog(away, '', log)
    await expect(broken.record('cancelled', {})).rejects.toThrow()
    lines = []
    await broken.recordBestEffort('sent', { reason: 'x' })
    expect(lines).toMatchObject([{ event: 'audit_failed', missing: auditEvents.sent }])
    await away.close()
  })
})

describe('audit entries at the same time', () => {
  /** An entry without transaction whose row PostgreSQL refuses: a text cannot contain NUL. */
  const unstorable = { accountId: 'x', reason: 'a\u0000b' }

  test('fifty entries at the same time are stored once each by one statement, and simulated ones are not [L1, A8]', async () => {
    const log = audit()
    const ids = Array.from({ length: 50 }, () => randomUUID())
    const statements = opened.pool.query
    let sent = 0
    opened.pool.query = ((...args: Parameters<typeof statements>) => {
      sent += 1
      return statements(...args)
    }) as typeof statements
    const before = await sql.query('SELECT count(*)::int AS "n" FROM "rekey"."audit"')
    try {
      await Promise.all(ids.flatMap((accountId) => [log.record('sent', { accountId }), log.simulate()]))
    } finally {
      opened.pool.query = statements
    }
    expect(sent).toBe(1)
    const after = await sql.query('SELECT count(*)::int AS "n" FROM "rekey"."audit"')
    expect(after.rows[0].n - before.rows[0].n).toBe(50)
    for (const accountId of ids) expect(await log.history(accountId)).toHaveLength(1)
  })

  test('an entry that cannot be stored fails alone, and the others of its batch are stored [L1]', async () => {
    const log = audit()
    const [one, other] = [randomUUID(), randomUUID()]
    const settled = await Promise.allSettled([
      log.record('sent', { accountId: one }),
      log.record('failed', unstorable),
      log.record('sent', { accountId: other }),
    ])
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    for (const accountId of [one, other]) expect(await log.history(accountId)).toHaveLength(1)
  })
})

test('the history of an account is in the order of time, even if a later transaction has an earlier id', async () => {
  const accountId = randomUUID()
  await sql.query(
    `INSERT INTO rekey.audit (at, event, account_id) VALUES
       (now(), 'second', $1), (now() - interval '1 ms', 'first', $1), (now() + interval '1 ms', 'third', $1)`,
    [accountId],
  )
  expect((await audit().history(accountId)).map(({ event }) => event)).toEqual(['first', 'second', 'third'])
})

test('the history of an account has only its own entries, oldest first', async () => {
  const [accountId, other] = [randomUUID(), randomUUID()]
  for (const event of ['requested', 'sent', 'changed'] as const) {
    await audit().record(event, { accountId })
    await audit().record(event, { accountId: other })
  }
  const events = (await audit().history(accountId)).map(({ event }) => event)
  expect(events).toEqual([auditEvents.requested, auditEvents.sent, auditEvents.changed])
})

describe('changes of stored entries [L5]', () => {
  const tamperings = [
    'UPDATE "rekey"."audit" SET "event" = \'x\'',
    'DELETE FROM "rekey"."audit"',
    'TRUNCATE "rekey"."audit"',
    'INSERT INTO "rekey"."audit" ("id", "event") VALUES (1, \'x\') ON CONFLICT ("id") DO UPDATE SET "event" = \'x\'',
  ]

  test.each(tamperings)('even the owner of the audit table cannot run %s', async (statement) => {
    await audit().record('requested', {})
    await expect(sql.query(statement)).rejects.toThrow()
    expect((await sql.query('SELECT 1 FROM "rekey"."audit" WHERE "event" = \'x\'')).rows).toEqual([])
    expect((await sql.query('SELECT 1 FROM "rekey"."audit"')).rows).not.toEqual([])
  })

  test('after a purge, no entry can be deleted in the same transaction or later', async () => {
    for (const end of ['COMMIT', 'ROLLBACK']) {
      await sql.query('BEGIN')
      await sql.query(`SELECT "rekey"."purge_audit"(interval '30 days')`)
      await sql.query('SAVEPOINT s')
      await expect(sql.query('DELETE FROM "rekey"."audit"')).rejects.toThrow('append-only')
      await sql.query(`ROLLBACK TO s; ${end}`)
      await expect(sql.query('DELETE FROM "rekey"."audit"')).rejects.toThrow('append-only')
    }
  })
})

describe('the purge of the audit log [L6]', () => {
  const storedReasons = async () =>
    (
      await sql.query<{ reason: string }>(
        `SELECT "reason" FROM "rekey"."audit" WHERE "event" = 'aged' ORDER BY "at"`,
      )
    ).rows.map(({ reason }) => reason)

  test('the purge deletes entries older than the given time, but keeps those of the last week', async () => {
    for (const days of [400, 181, 179, 8, 6, 0])
      await sql.query(
        `INSERT INTO "rekey"."audit" ("at", "event", "reason") VALUES (now() - make_interval(days => $1), 'aged', $1 || ' days')`,
        [days],
      )
    await audit().purge(180 * 86_400)
    expect(await storedReasons()).toEqual(['179 days', '8 days', '6 days', '0 days'])
    await audit().purge(0)
    expect(await storedReasons()).toEqual(['6 days', '0 days'])
    await audit().purge(-3650)
    expect(await storedReasons()).toEqual(['6 days', '0 days'])
  })
})

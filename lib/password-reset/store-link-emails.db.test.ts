import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { createAuditLog } from '@/lib/audit/audit'
import { openDatabase, type Database } from '@/lib/database/pool'
import { notificationChannel } from '@/lib/queue/notifications'
import { createQueue } from '@/lib/queue/queue'
import { storeLinkEmails, type LinkEmail } from './store-link-emails'

let database: TestDatabase
let opened: Database
const log = pino({ enabled: false })
beforeAll(async () => {
  database = await createMigratedDatabase()
  opened = openDatabase({ ...database, poolSize: 2 }, log)
}, 120_000)
beforeEach(() => opened.pool.query('DELETE FROM "rekey_queue"."job"'))
afterAll(async () => {
  await opened.close()
  await database.drop()
})

const audit = () => createAuditLog(opened, 'public.people', log)
const origin = { requestId: 'r-1', client: '198.51.100.77' }

function email(facts: Partial<LinkEmail> = {}, accountId: string | null = randomUUID()): LinkEmail {
  const data = { accountId, requestedAt: 1, locale: 'en', requestId: 'r-1', bypassPause: false }
  return { id: randomUUID(), data, afterSeconds: 0, isAudited: true, ...facts }
}

const store = (...jobs: LinkEmail[]) => storeLinkEmails({ audit: audit(), database: opened }, jobs, origin)

async function rowOf(id: string) {
  const { rows } = await opened.pool.query('SELECT * FROM "rekey_queue"."job" WHERE "id" = $1', [id])
  const { id: _, start_after, created_on, keep_until, ...others } = rows[0] as Record<string, unknown>
  const kept = (keep_until as Date).getTime() - (start_after as Date).getTime()
  return { ...others, kept, waits: (start_after as Date).getTime() - (created_on as Date).getTime() }
}

test.each([0, 3])(
  'a job that waits %i seconds is the row that pg-boss’s own send writes, column by column [F3]',
  async (afterSeconds) => {
    const job = email({ afterSeconds })
    await store(job)
    const sent = randomUUID()
    await createQueue(opened).add('link-email', job.data, {
      id: sent,
      ...(afterSeconds > 0 && { afterSeconds }),
    })
    expect(await rowOf(job.id)).toEqual(await rowOf(sent))
  },
)

test('a second try of the same request stores no second email [F3]', async () => {
  const [one, other] = [email(), email({ afterSeconds: 2 })]
  await store(one)
  await store(one, other)
  const { rows } = await opened.pool.query('SELECT "id" FROM "rekey_queue"."job" ORDER BY "id"')
  expect(rows.map(({ id }) => id)).toEqual([one.id, other.id].sort())
})

test('the audit log contains those accounts that are to be in it, and no request without one [L1, A8]', async () => {
  const [audited, loggedOnly, without] = [email(), email({ isAudited: false }), email({}, null)]
  const count = async () =>
    (await opened.pool.query('SELECT count(*)::int AS "n" FROM "rekey"."audit"')).rows[0].n as number
  const before = await count()
  await store(audited, loggedOnly, without)
  expect((await count()) - before).toBe(1)
  expect(await audit().history(audited.data.accountId!)).toMatchObject([
    { event: 'authn_password_reset_requested', client: '198.51.100.0/24', requestId: 'r-1', reason: null },
  ])
})

test('all of a request or nothing is stored: neither job nor entry if one is refused [F3, L1]', async () => {
  const good = email()
  await expect(store(good, email({ id: 'no uuid' }))).rejects.toThrow()
  const { rows } = await opened.pool.query('SELECT 1 FROM "rekey_queue"."job"')
  expect([rows, await audit().history(good.data.accountId!)]).toEqual([[], []])
})

test('workers are woken once, and not for what only waits [F3]', async () => {
  if (database.sharedSession) return
  const heard: (string | undefined)[] = []
  const listener = new pg.Client({ connectionString: database.url })
  listener.on('notification', ({ payload }) => void heard.push(payload))
  await listener.connect()
  await listener.query(`LISTEN ${pg.escapeIdentifier(notificationChannel(opened.schemas.queue))}`)
  try {
    await store(email({ afterSeconds: 5 }))
    await store(email(), email(), email({ afterSeconds: 5 }))
    await opened.pool.query('SELECT pg_notify($1, $2)', [notificationChannel(opened.schemas.queue), 'end'])
    await expect.poll(() => heard).toEqual(['link-email', 'end'])
  } finally {
    await listener.end()
  }
})

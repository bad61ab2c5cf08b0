import { randomBytes, randomInt } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { startSlowMailServer, type SlowMailServer } from '@/e2e/support/slow-mail-server'
import { createMigratedDatabase, testServer, type TestDatabase } from '@/e2e/support/test-database'
import { median } from '@/e2e/support/time-pairs'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'
import { startWorker } from '@/server/processes/start-worker'

const own = 'own@example.com'
const candidates = 29
/** Tries of each kind. */
const tries = isLong ? 100 : 8
/** Standard deviations of a significant difference of ranks: equal times exceed it once in 700 comparisons. */
const significant = 3.2

// The embedded database would run in the measuring process and be measured with it.
describe.runIf(testServer)('the arrival of one’s own email after requests for 29 other logins', () => {
  let database: TestDatabase
  let sql: pg.Client
  beforeAll(async () => {
    database = await createMigratedDatabase()
    sql = new pg.Client({ connectionString: database.url })
    await sql.connect()
    await sql.query(
      `INSERT INTO "rekey"."users" ("id", "username", "email", "password", "is_active")
       SELECT gen_random_uuid(), kind || '-' || n, kind || '-' || n || '@example.com',
              CASE WHEN kind = 'held' AND n % 5 = 3 THEN NULL ELSE 'a hash' END, NOT (kind = 'held' AND n % 5 = 4)
         FROM generate_series(0, $1) n CROSS JOIN unnest(ARRAY['known', 'held']) kind
       UNION ALL SELECT gen_random_uuid(), 'own', $2, 'a hash', true`,
      [candidates - 1, own],
    )
  })
  afterAll(async () => {
    await sql.end()
    await database.drop()
  })

  let mail: SlowMailServer
  let web: Services
  let services: Services
  let stop = async () => {}
  async function start(answerAfterMs: number) {
    mail = await startSlowMailServer(answerAfterMs)
    const settings = readSettings({
      SECRET_KEY: randomBytes(32).toString('base64url'),
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: mail.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
      LOG_LEVEL: 'fatal',
      EMAIL_COOLDOWN: '0s',
      LIMIT_EMAILS: '1000000/1h',
      LIMIT_EMAILS_PER_ACCOUNT: '3/1h',
      LIMIT_EMAILS_PER_MAILBOX: '1000000/1h',
    })
    web = createServices(settings)
    services = createServices(settings)
    stop = await startWorker(services)
  }
  afterEach(async () => {
    await stop()
    await services.database.close()
    await web.database.close()
    await mail.close()
  })

  /** A new client each time, so that no limit per client is reached. */
  const client = () => `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}::1`
  const request = (login: string) =>
    web.passwordReset.requestLink({ target: { login }, locale: 'en', requestId: 'r', client: client() })

  async function prepare() {
    await sql.query('DELETE FROM "rekey"."recovery"')
    await sql.query(
      `INSERT INTO "rekey"."recovery" ("account_id", "email_jobs", "email_times", "emails_paused_until")
       SELECT "id"::text, array_fill(gen_random_uuid(), ARRAY[3]), array_fill(now(), ARRAY[3]),
              CASE WHEN "username" LIKE '%0' THEN now() + interval '1 hour' END
         FROM "rekey"."users" WHERE "username" LIKE 'held-%'`,
    )
  }

  const unfinished = async () =>
    (await sql.query(`SELECT FROM rekey_queue.job WHERE "state" < 'completed'`)).rowCount

  /** Milliseconds from the response to one's own request until the mail server accepted one's own email. */
  async function tryOnce(kind: string): Promise<number> {
    await prepare()
    const tag = kind === 'nobody' ? `-${randomBytes(4).toString('hex')}` : ''
    const logins = Array.from({ length: candidates }, (_, n) => `${kind}${tag}-${n}`)
    const requestInTurn = async () => {
      for (let login = logins.pop(); login !== undefined; login = logins.pop()) await request(login)
    }
    await Promise.all(Array.from({ length: 8 }, requestInTurn))
    const arrival = mail.next(own)
    await request('own')
    const answeredAt = performance.now()
    const took = (await arrival) - answeredAt
    await expect.poll(unfinished, { timeout: 120_000, interval: 25 }).toBe(0)
    return took
  }

  test.each(
    (isLong ? [20, 100, 300] : [100]).flatMap(
      (ms) =>
        [
          [ms, 'that get an email', 'known'],
          [ms, 'that get no email', 'held'],
        ] as const,
    ),
  )(
    'with a mail server of %i ms, requests for accounts %s delay one’s own email like requests for unknown logins [A8]',
    async (ms, _, kind) => {
      await start(ms)
      for (const warmUp of ['nobody', kind, 'nobody', kind]) await tryOnce(warmUp)
      const times: Record<string, number[]> = { nobody: [], [kind]: [] }
      for (let i = 0; i < tries; i += 1) {
        const order = randomInt(2) === 0 ? ['nobody', kind] : [kind, 'nobody']
        for (const one of order) times[one]!.push(await tryOnce(one))
      }
      const [nobody, some] = [times.nobody!, times[kind]!]
      const summary = `medians ${Math.round(median(nobody))} and ${Math.round(median(some))} ms`
      if (isLong)
        process.stdout.write(
          `${ms} ms, ${kind}: ${summary}, ${rankDistance(nobody, some).toFixed(2)} deviations\n`,
        )
      // A small distance does not prove that they are equal: with few tries, it only means "undecided".
      expect(Math.abs(rankDistance(nobody, some)), summary).toBeLessThan(significant)
      if (isLong) expect(median([...nobody, ...some])).toBeLessThan(1000)
    },
    isLong ? 3_600_000 : 900_000,
  )
})

/** The distance of the ranks of two samples in standard deviations (normal approximation of Mann and Whitney's U). */
function rankDistance(one: number[], other: number[]): number {
  const u = one
    .flatMap((a) => other.map((b): number => (a < b ? 1 : a > b ? 0 : 0.5)))
    .reduce((sum, x) => sum + x, 0)
  const product = one.length * other.length
  return (u - product / 2) / Math.sqrt((product * (one.length + other.length + 1)) / 12)
}

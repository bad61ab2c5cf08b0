import { randomInt, randomUUID } from 'node:crypto'
import { quoteSchema } from '@/lib/config/schema-names'
import type { BatchBounds, BatchQueue } from '@/lib/database/batch-queue'
import { retryConflicts } from '@/lib/database/errors'
import { arrayText, createPipelinedTransactions, serverTimeouts } from '@/lib/database/pipelined-transactions'
import type { Database } from '@/lib/database/pool'
import { createStatementQueue } from '@/lib/database/statement-queue'

/** At most one email per `cooldown` seconds, and `perAccount.count` per `perAccount.seconds`. */
export type AccountEmailLimits = { cooldown: number; perAccount: { count: number; seconds: number } }

export type ReservationTerms = {
  limits: AccountEmailLimits
  /** Whether pause, cool-down and window are ignored, for a new link that "this wasn't me" requests (`restartsPerAccount` limits them). */
  bypass: boolean
  /** Seconds to remember a reservation, so that a retry of its job gets it again. */
  keepFor: number
}

type Reservation = {
  /** Whether no other email of the account was reserved before this one in the window. */
  first: boolean
  /** The account's current epoch, which the link must be signed with. */
  linksEpoch: number
}

type Entry = {
  usersTable: string
  accountId: string
  jobId: string
  /** The reservation gets this time or the current one, whichever is earlier. In seconds since the epoch. */
  latest: number | 'Infinity'
}

/** `perClient` is per account here: a batch has one entry of an account, because an upsert may name a row only once. */
const bounds: BatchBounds = { waiting: 2000, underWay: 2, perClient: 1, size: 200 }

/** Stands for a users table in the rows of simulations: many rows, so that simulations seldom wait for each other. */
const simulation = 'simulation'
const simulatedRows = 1024

/**
 * Creates the functions that reserve emails. A statement counts and reserves under the lock of each row, so that parallel jobs cannot
 * both take the last email. It locks rows in the order of their keys, so that two such statements do not deadlock.
 */
export function createEmailReservations(
  database: Pick<Database, 'pool' | 'schemas' | 'sharedSession'>,
  usersTable: string,
) {
  const { run } = createPipelinedTransactions(database, serverTimeouts)
  const text = statementText(`${quoteSchema(database.schemas.own)}."recovery"`)
  /** A queue for each set of terms, because all entries of a statement have the same terms. */
  const queues = new Map<string, BatchQueue<Entry, Reservation | null>>()

  function queueOf(terms: ReservationTerms): BatchQueue<Entry, Reservation | null> {
    const { limits, bypass, keepFor } = terms
    const { count, seconds } = limits.perAccount
    const key = [limits.cooldown, count, seconds, bypass, keepFor].join(' ')
    const known = queues.get(key)
    if (known !== undefined) return known
    const queue = createStatementQueue((entries: Entry[]) => reserveAll(entries, terms), bounds)
    queues.set(key, queue)
    return queue
  }

  async function reserveAll(
    entries: Entry[],
    { limits: { cooldown, perAccount }, bypass, keepFor }: ReservationTerms,
  ): Promise<(Reservation | null)[]> {
    const values = [
      arrayText(entries, (entry) => entry.usersTable),
      arrayText(entries, (entry) => entry.accountId),
      arrayText(entries, (entry) => entry.jobId),
      arrayText(entries, (entry) => entry.latest),
      String(cooldown),
      String(perAccount.seconds),
      String(perAccount.count),
      String(Math.max(keepFor, perAccount.seconds)),
      String(bypass),
    ]
    const rows = await retryConflicts(() => run({ name: 'rekey_reserve', text, values }))
    const reserved = new Map(rows.map(([jobId, linksEpoch, first]) => [jobId, { linksEpoch, first }]))
    return entries.map(({ jobId }) => {
      const one = reserved.get(jobId)
      return one === undefined ? null : { first: one.first === 't', linksEpoch: Number(one.linksEpoch) }
    })
  }

  /**
   * Reserves one of an account's emails for a job, or returns the reservation of an earlier attempt at the job.
   *
   * @param linkEnds when the email's link expires. Without a cool-down, the reservation is backdated so that it stops counting by then: a
   *   delayed email must not hold back the next one for longer than its own link lives
   * @returns null if the limits allow no email. Without `bypass`, also during a pause, despite an earlier reservation: the link would be
   *   signed with the epoch after "this wasn't me", and so be valid
   */
  function reserveEmail(
    accountId: string,
    jobId: string,
    linkEnds: Date,
    terms: ReservationTerms,
  ): Promise<Reservation | null> {
    const { cooldown, perAccount } = terms.limits
    const latest = cooldown > 0 ? 'Infinity' : linkEnds.getTime() / 1000 - perAccount.seconds
    return queueOf(terms).add({ usersTable, accountId, jobId, latest }, accountId)
  }

  /** Runs the statement of {@link reserveEmail} on a row of no account, so that a simulated email takes about as long as others. */
  async function simulateReservation(terms: ReservationTerms): Promise<void> {
    const accountId = String(randomInt(simulatedRows))
    const entry: Entry = { usersTable: simulation, accountId, jobId: randomUUID(), latest: 'Infinity' }
    await queueOf(terms).add(entry, `${simulation} ${accountId}`)
  }

  return { reserveEmail, simulateReservation }
}

/**
 * Returns the statement for the `values` in `reserveAll`. `now()` is fixed before the lock wait, so a stored reservation may look newer.
 * The arrays begin with the last stored reservation.
 */
function statementText(table: string): string {
  const job = 'excluded."email_jobs"[1]'
  const since = (seconds: string) => `now() - make_interval(secs => ${seconds}::float8)`
  /** A row of simulations is written whatever it contains, and keeps no earlier reservation. */
  const isSimulated = `r."users_table" = '${simulation}'`
  const kept = (column: 'job' | 'at') => `ARRAY(
        SELECT s."${column}" FROM unnest(r."email_jobs", r."email_times") AS s("job", "at")
         WHERE s."at" > ${since('$8')} AND NOT ${isSimulated})`
  return `
  WITH "entry" AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::float8[])
      AS e("users_table", "account_id", "job", "latest")
  )
  INSERT INTO ${table} AS r ("users_table", "account_id", "email_jobs", "email_times")
  SELECT e."users_table", e."account_id", ARRAY[e."job"], ARRAY[LEAST(now(), to_timestamp(e."latest"))]
    FROM "entry" e ORDER BY e."users_table", e."account_id"
  ON CONFLICT ("users_table", "account_id") DO UPDATE SET
    "updated_at" = now(),
    "email_jobs" = CASE WHEN ${job} = ANY (r."email_jobs") THEN r."email_jobs" ELSE ${job} || ${kept('job')} END,
    "email_times" = CASE WHEN ${job} = ANY (r."email_jobs") THEN r."email_times" ELSE excluded."email_times"[1] || ${kept('at')} END
  WHERE $9::boolean OR ${isSimulated} OR (
    (r."emails_paused_until" IS NULL OR r."emails_paused_until" <= now())
    AND (${job} = ANY (r."email_jobs") OR (
      NOT EXISTS (SELECT FROM unnest(r."email_times") AS s("at") WHERE $5::float8 > 0 AND s."at" > ${since('$5')})
      AND (SELECT count(*) FROM unnest(r."email_times") AS s("at") WHERE s."at" > ${since('$6')}) < $7::bigint)))
  RETURNING
    (SELECT e."job" FROM "entry" e WHERE e."users_table" = r."users_table" AND e."account_id" = r."account_id"),
    r."links_epoch",
    NOT EXISTS (
      SELECT FROM unnest(r."email_jobs", r."email_times") WITH ORDINALITY AS s("job", "at", "nth"), "entry" e
       WHERE e."users_table" = r."users_table" AND e."account_id" = r."account_id"
         AND s."nth" > array_position(r."email_jobs", e."job") AND s."at" > ${since('$6')})`
}

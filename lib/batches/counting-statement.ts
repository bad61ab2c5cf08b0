import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { arrayText, type Statement, type TextRow } from '@/lib/database/pipelined-transactions'
import { jobInsertCtes } from '@/lib/queue/job-insert'
import type { JobData } from '@/lib/queue/job-data'

export type LimitedKey = {
  key: string
  /** The length of the window. */
  milliseconds: number
  /** The most events in the window. */
  most: number
}

/**
 * An event to count under `client`, then `site`, then `own`, up to the first key above its limit. A key must always be in the same place,
 * so that all batches lock rows in one order.
 */
export type CountingEntry = {
  client?: LimitedKey | undefined
  site?: LimitedKey | undefined
  own: LimitedKey
  /** 0 writes the same rows, but counts nothing. */
  points: 0 | 1
  /** Stored in the same transaction if no key is above its limit. */
  job?: { id: string; data: JobData['link-request'] } | undefined
}

/** The last count of an event: of the key that exceeded its limit, or of `own` if none did. */
export type Counted = {
  by: 'client' | 'site' | 'own'
  /** The events of that key in the window, up to this one. */
  consumed: number
  /** Milliseconds until the window ends. */
  msBeforeNext: number
}

/** SQL: milliseconds since the epoch by the database's clock, because the clocks of instances may differ. */
export const databaseNowSql = 'floor(extract(epoch FROM now()) * 1000)::bigint'

type Place = Counted['by']

/**
 * Creates the statement that counts a batch of entries and stores the jobs of those within their limits. PostgreSQL allows each key only
 * once in an upsert, so the statement adds up the points of a key, and an entry's count is the new total without the points of later
 * entries. The rows of each place are locked in the order of their keys, so that two batches do not deadlock.
 */
export function createCountAndQueueStatement(
  schemas: SchemaNames,
): (entries: readonly CountingEntry[]) => Statement {
  const table = `${quoteSchema(schemas.own)}."limits"`

  const upsert = (place: Place, from: string, condition: string) => `
  "${place}_count" AS (
    INSERT INTO ${table} AS l ("key", "points", "expire")
    SELECT e."${place}", sum(e."points"), ${databaseNowSql} + max(e."${place}_ms") FROM "${from}" e
     WHERE e."${place}" IS NOT NULL AND ${condition} GROUP BY e."${place}" ORDER BY e."${place}"
    ON CONFLICT ("key") DO UPDATE SET
      "points" = CASE WHEN l."expire" <= ${databaseNowSql} THEN 0 ELSE l."points" END + excluded."points",
      "expire" = CASE WHEN l."expire" <= ${databaseNowSql} THEN excluded."expire" ELSE l."expire" END
    RETURNING "key", "points", "expire"
  ),
  "by_${place}" AS MATERIALIZED (
    SELECT e.*, c."expire" - ${databaseNowSql} AS "${place}_left",
           c."points" - sum(e."points") OVER (PARTITION BY e."${place}")
             + sum(e."points") OVER (PARTITION BY e."${place}" ORDER BY e."at") AS "${place}_consumed"
      FROM "${from}" e LEFT JOIN "${place}_count" c ON c."key" = e."${place}" WHERE ${condition}
  ),`
  const allowedBy = (place: Place) => `(e."${place}_consumed" <= e."${place}_most") IS NOT FALSE`

  const text = `
  WITH "entry" AS MATERIALIZED (
    SELECT * FROM unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[],
      $10::int[], $11::uuid[], $12::text[]
    ) WITH ORDINALITY AS e(
      "client", "client_ms", "client_most", "site", "site_ms", "site_most", "own", "own_ms", "own_most",
      "points", "job_id", "job_data", "at"
    )
  ),${upsert('client', 'entry', 'TRUE')}${upsert('site', 'by_client', allowedBy('client'))}${upsert('own', 'by_site', allowedBy('site'))}
  "accepted" AS (SELECT e.* FROM "by_own" e WHERE e."job_id" IS NOT NULL AND ${allowedBy('own')}),
  ${jobInsertCtes(schemas, 'link-request', '"accepted"')}
  SELECT c."client_consumed", c."client_left", s."site_consumed", s."site_left", o."own_consumed", o."own_left",
         (SELECT count(*) FROM "notified")
    FROM "by_client" c LEFT JOIN "by_site" s ON s."at" = c."at" LEFT JOIN "by_own" o ON o."at" = c."at" ORDER BY c."at"`

  return (entries) => {
    const counts = (place: Place) => [
      arrayText(entries, (entry) => entry[place]?.key),
      arrayText(entries, (entry) => entry[place]?.milliseconds),
      arrayText(entries, (entry) => entry[place]?.most),
    ]
    return {
      name: 'rekey_count',
      text,
      values: [
        ...counts('client'),
        ...counts('site'),
        ...counts('own'),
        arrayText(entries, ({ points }) => points),
        arrayText(entries, ({ job }) => job?.id),
        arrayText(entries, ({ job }) => job && JSON.stringify(job.data)),
      ],
    }
  }
}

/** Returns the count of each entry, in the order of the entries. */
export function readCounted(rows: readonly TextRow[]): Counted[] {
  return rows.map(([clientConsumed, clientLeft, siteConsumed, siteLeft, ownConsumed, ownLeft]) => {
    const decided = (by: Place, consumed: string, left: string | null | undefined): Counted => ({
      by,
      consumed: Number(consumed),
      msBeforeNext: Number(left),
    })
    if (ownConsumed != null) return decided('own', ownConsumed, ownLeft)
    if (siteConsumed != null) return decided('site', siteConsumed, siteLeft)
    return decided('client', clientConsumed!, clientLeft)
  })
}

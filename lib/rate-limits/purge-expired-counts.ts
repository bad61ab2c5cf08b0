import type pg from 'pg'
import { databaseNowSql } from '@/lib/batches/counting-statement'

/** Deletes expired counts. Skips locked rows, so that purging and counting do not deadlock. @param table the quoted name */
export async function purgeExpiredCounts(pool: pg.Pool, table: string): Promise<void> {
  await pool.query(
    // eslint-disable-next-line no-restricted-syntax -- the table's name is checked and quoted
    `DELETE FROM ${table} WHERE "key" = ANY (ARRAY(
       SELECT "key" FROM ${table} WHERE "expire" < ${databaseNowSql} ORDER BY "key" FOR UPDATE SKIP LOCKED))`,
  )
}

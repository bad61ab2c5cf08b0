import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { notificationChannel } from './notifications'
import type { QueueName } from './job-data'

type JobInsertOptions = {
  /** The SQL of the time before which no worker takes a job. It may read the job's row `j` of `from`. */
  startAfterSql?: string
  /** Whether an existing job with the same id stays as it is. Otherwise, such a job makes the statement fail. */
  isIdempotent?: boolean
}

/**
 * Returns two common table expressions: `"job"` inserts jobs as `send` of the pinned pg-boss does, and fails if the queue does not exist.
 * `"notified"` notifies the workers once if any job is due. The statement must read `"notified"`, or PostgreSQL does not evaluate it.
 *
 * @param from a common table expression with the columns `at` (the order of the jobs), `job_id` (a UUID) and `job_data` (JSON as text)
 */
export function jobInsertCtes(
  { queue }: SchemaNames,
  name: QueueName,
  from: string,
  { startAfterSql = 'now()', isIdempotent = false }: JobInsertOptions = {},
): string {
  const schema = quoteSchema(queue)
  return `
  "job" AS (
    INSERT INTO ${schema}."job" (
      "id", "name", "data", "start_after", "created_on", "expire_seconds", "deletion_seconds", "keep_until", "retry_limit",
      "retry_delay", "retry_backoff", "retry_delay_max", "policy", "dead_letter", "heartbeat_seconds")
    SELECT j."job_id", '${name}', j."job_data"::jsonb, ${startAfterSql}, now(), q."expire_seconds", q."deletion_seconds",
           ${startAfterSql} + q."retention_seconds" * interval '1 second', q."retry_limit",
           q."retry_delay", q."retry_backoff", q."retry_delay_max", q."policy", q."dead_letter", q."heartbeat_seconds"
      FROM ${from} j LEFT JOIN ${schema}."queue" q ON q."name" = '${name}' ORDER BY j."at"
    ${isIdempotent ? 'ON CONFLICT DO NOTHING' : ''}
    RETURNING "start_after"
  ),
  "notified" AS (
    SELECT pg_notify('${notificationChannel(queue)}', '${name}') FROM "job" WHERE "start_after" <= now() LIMIT 1)`
}

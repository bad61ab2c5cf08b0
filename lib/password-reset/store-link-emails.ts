import { clientNetwork } from '@/lib/addresses/client-ip'
import { auditEvents } from '@/lib/audit/audit'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { jobInsert } from '@/lib/queue/job-insert'
import type { JobData } from '@/lib/queue/job-data'
import type { EmailDependencies } from './email-dependencies'

/** The job of an email with a link, to store. */
export type LinkEmail = {
  /** The id of the job. If a job with this id exists, it stays as it is. */
  id: string
  data: JobData['link-email']
  /** The least seconds that the job waits before a worker takes it. */
  afterSeconds: number
  /** Whether the audit log gets an entry of the request for this account; if not, only the process's log does. */
  isAudited: boolean
}

/**
 * Stores the jobs of one request and its audit entries, all or none, in one statement. A job without an account costs the same, and
 * gets no entry in a log.
 *
 * @throws if the database is unavailable
 */
export async function storeLinkEmails(
  { audit, database }: Pick<EmailDependencies, 'audit' | 'database'>,
  jobs: readonly LinkEmail[],
  { requestId, client }: { requestId: string; client: string },
): Promise<void> {
  await database.pool.query(statementOf(database.schemas), [
    jobs.map(({ id }) => id),
    jobs.map(({ data }) => JSON.stringify(data)),
    jobs.map(({ afterSeconds }) => afterSeconds),
    jobs.map(({ data, isAudited }) => (isAudited ? data.accountId : null)),
    auditEvents.requested,
    audit.usersTable,
    requestId,
    clientNetwork(client) ?? null,
  ])
  for (const { data } of jobs)
    if (data.accountId !== null) audit.logOnly('requested', { accountId: data.accountId, requestId, client })
}

const statementOf = (schemas: SchemaNames) => `
  WITH "entry" AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[])
      WITH ORDINALITY AS e("job_id", "job_data", "seconds", "audited", "at")
  ),
  ${jobInsert(schemas, 'link-email', '"entry"', {
    startAfterSql: `now() + j."seconds" * interval '1 second'`,
    isIdempotent: true,
  })},
  "audited" AS (
    INSERT INTO ${quoteSchema(schemas.own)}."audit" ("event", "users_table", "account_id", "request_id", "client")
    SELECT $5, $6, e."audited", $7, $8 FROM "entry" e WHERE e."audited" IS NOT NULL ORDER BY e."at"
  )
  SELECT count(*) FROM "notified"`

import { clientNetwork } from '@/lib/addresses/client-ip'
import { auditEvents } from '@/lib/audit/audit'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import type { BatchBounds } from '@/lib/database/batch-queue'
import { createStatementQueue } from '@/lib/database/statement-queue'
import { jobInsertCtes } from '@/lib/queue/job-insert'
import type { JobData } from '@/lib/queue/job-data'
import type { EmailDependencies } from './email-dependencies'

export type StoreLinkEmailJobs = ReturnType<typeof createLinkEmailJobWriter>

export type LinkEmailJob = {
  /** If a job with this id exists, it stays as it is. */
  id: string
  data: JobData['link-email']
  /** The least seconds that the job waits before a worker takes it. */
  afterSeconds: number
  /** Whether the audit log gets an entry, too, or only the process's log. */
  isAudited: boolean
}

type Origin = { requestId: string; client: string }

type Entry = { jobs: readonly LinkEmailJob[]; origin: Origin }

/** More requests may wait than one worker handles at once. */
const bounds: BatchBounds = { waiting: 1000, underWay: 2, perClient: 1, size: 100 }

/** Creates the function that stores the jobs of emails. Waiting requests may share a statement, which notifies the workers once. */
export function createLinkEmailJobWriter({ audit, database }: Pick<EmailDependencies, 'audit' | 'database'>) {
  const text = statementText(database.schemas)

  async function storeAll(entries: Entry[]): Promise<void[]> {
    const jobs = entries.flatMap((entry) => entry.jobs.map((job) => ({ ...job, ...entry.origin })))
    await database.pool.query(text, [
      jobs.map(({ id }) => id),
      jobs.map(({ data }) => JSON.stringify(data)),
      jobs.map(({ afterSeconds }) => afterSeconds),
      jobs.map(({ data, isAudited }) => (isAudited ? data.accountId : null)),
      jobs.map(({ requestId }) => requestId),
      jobs.map(({ client }) => clientNetwork(client) ?? null),
      auditEvents.requested,
      audit.usersTable,
    ])
    return entries.map(() => undefined)
  }

  const queue = createStatementQueue(storeAll, bounds)

  /** Stores the jobs of one request and its audit entries, all or none. @throws BatchQueueFull or an error of the database */
  return async function store(jobs: readonly LinkEmailJob[], origin: Origin): Promise<void> {
    await queue.add({ jobs, origin })
    for (const { data } of jobs)
      if (data.accountId !== null) audit.logOnly('requested', { accountId: data.accountId, ...origin })
  }
}

const statementText = (schemas: SchemaNames) => `
  WITH "entry" AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[])
      WITH ORDINALITY AS e("job_id", "job_data", "seconds", "audited", "request_id", "client", "at")
  ),
  ${jobInsertCtes(schemas, 'link-email', '"entry"', {
    startAfterSql: `now() + j."seconds" * interval '1 second'`,
    isIdempotent: true,
  })},
  "audited" AS (
    INSERT INTO ${quoteSchema(schemas.own)}."audit" ("event", "users_table", "account_id", "request_id", "client")
    SELECT $7, $8, e."audited", e."request_id", e."client" FROM "entry" e WHERE e."audited" IS NOT NULL ORDER BY e."at"
  )
  SELECT count(*) FROM "notified"`

import { Prisma } from '@/prisma/client/client'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

/**
 * Returns qualified names of tables and of a function as SQL fragments, so that no statement relies on `search_path`, which the
 * operator, the database or a function may change.
 */
export function tableNames({ own, queue }: SchemaNames) {
  // eslint-disable-next-line no-restricted-syntax -- identifiers cannot be parameters; `quoteSchema` validates the name
  const qualified = (name: string, schema = own) => Prisma.raw(`${quoteSchema(schema)}."${name}"`)
  return {
    recovery: qualified('recovery'),
    audit: qualified('audit'),
    mailState: qualified('mail_state'),
    metrics: qualified('metrics'),
    metricProcesses: qualified('metric_processes'),
    purgeAudit: qualified('purge_audit'),
    /** The queue's table of jobs, which pg-boss created. */
    jobs: qualified('job', queue),
  }
}

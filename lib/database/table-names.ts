import { Prisma } from '@/prisma/client/client'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'

/** Returns names of tables and of a function, qualified so that statements do not depend on `search_path`. */
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
    jobs: qualified('job', queue),
  }
}

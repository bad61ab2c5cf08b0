import { Prisma } from '@/prisma/client/client'
import { quoted, type Schemas } from '@/lib/config/schema-names'

/**
 * The qualified names of Rekey's tables and functions, for statements. No statement leaves a name to `search_path`,
 * which the operator, the database and its functions set as they like.
 */
export function tableNames({ own, queue }: Schemas) {
  // eslint-disable-next-line no-restricted-syntax -- a name is no value, and this one is checked
  const qualified = (name: string, schema = own) => Prisma.raw(`${quoted(schema)}."${name}"`)
  return {
    users: qualified('users'),
    recovery: qualified('recovery'),
    audit: qualified('audit'),
    mailState: qualified('mail_state'),
    purgeAudit: qualified('purge_audit'),
    /** The queue's jobs, for reading only. */
    jobs: qualified('job', queue),
  }
}

import { Prisma } from '@/prisma/client/client'
import { quoted, type Schemas } from './schema-names'

/**
 * The qualified names of Rekey's tables and functions, for statements. No statement leaves a name to `search_path`,
 * which the operator, the database and its functions set as they like.
 */
export function tableNames({ own }: Schemas) {
  // eslint-disable-next-line no-restricted-syntax -- a name is no value, and this one is checked
  const qualified = (name: string) => Prisma.raw(`${quoted(own)}."${name}"`)
  return {
    users: qualified('users'),
    recovery: qualified('recovery'),
    audit: qualified('audit'),
    mailState: qualified('mail_state'),
    purgeAudit: qualified('purge_audit'),
  }
}

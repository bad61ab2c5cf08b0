import type { AccountStore } from '@/lib/accounts/account-store'
import type { AuditLog } from '@/lib/audit/audit'
import type { Settings } from '@/lib/config/settings'
import type { Database } from '@/lib/database/pool'
import type { Log } from '@/lib/logging/log'
import type { EmailTemplates } from '@/lib/mail/email-types'
import type { Mailer } from '@/lib/mail/mailer'
import type { Queue } from '@/lib/queue/queue'
import type { Limits } from '@/lib/rate-limits/limits'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'
import type { SendPacer } from './send-pacer'
import type { RekeyConfig } from './extension-points'
import type { LinkSigner } from './reset-link'

/** The dependencies of the job handlers. */
export type EmailDependencies = {
  accounts: AccountStore
  recovery: RecoveryStore
  links: LinkSigner
  emails: EmailTemplates
  mailer: Mailer
  queue: Queue
  limits: Limits
  audit: AuditLog
  database: Pick<Database, 'pool' | 'schemas' | 'queries'>
  settings: Settings
  configuration: RekeyConfig
  log: Log
  sendPacer: SendPacer
}

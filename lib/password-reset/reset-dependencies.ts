import type { AccountStore } from '@/lib/accounts/account-store'
import type { AuditLog } from '@/lib/audit/audit'
import type { Settings } from '@/lib/config/settings'
import type { Database } from '@/lib/database/pool'
import type { Log } from '@/lib/logging/log'
import type { BreachCheck } from '@/lib/passwords/breach-check'
import type { HashQueue } from '@/lib/passwords/hash-queue'
import type { PasswordPolicy } from '@/lib/passwords/policy'
import type { Queue } from '@/lib/queue/queue'
import type { Limits } from '@/lib/rate-limits/limits'
import type { RecoveryStore } from '@/lib/recovery/recovery-store'
import type { RekeyConfig } from './extension-points'
import type { LinkSigner } from './reset-link'

/** The dependencies of the use cases. */
export type ResetDependencies = {
  accounts: AccountStore
  recovery: RecoveryStore
  links: LinkSigner
  policy: PasswordPolicy
  isBreached: BreachCheck
  hash: HashQueue
  queue: Queue
  limits: Limits
  audit: AuditLog
  database: Pick<Database, 'transaction' | 'prismaTransaction'>
  settings: Pick<Settings, 'reset'>
  configuration: RekeyConfig
  log: Log
}

/** `client`: the IP address, or `unknown`. */
export type RequestContext = { requestId: string; client: string }

import { isLoopback } from '@/lib/addresses/loopback'
import { parseDatabaseUrl } from './database-url'
import { settingsSchema } from './schema'
import { databaseSchemaNames, schemaNamePattern } from './schema-names'

const emailLimits = settingsSchema.pick({
  RESET_PASSWORD_VERIFICATION_PERIOD: true,
  LIMIT_EMAILS_PER_ACCOUNT: true,
  LIMIT_EMAILS_PER_MAILBOX: true,
  EMAIL_COOLDOWN: true,
})

/**
 * Finds email limits that outlast a link: if a stranger used them up, the person would have no valid link and get no new one.
 *
 * @returns a sentence for each problem; empty if one of these settings is malformed, because `validateSettings` reports that
 */
export function emailLimitProblems(given: Record<string, string | undefined>): string[] {
  const { success, data: values } = emailLimits.safeParse(given)
  if (!success) return []
  const period = values.RESET_PASSWORD_VERIFICATION_PERIOD
  const why = `RESET_PASSWORD_VERIFICATION_PERIOD (${period}s): a stranger could use up a person's emails after all their links have expired`
  const problems: string[] = []
  if ((values.LIMIT_EMAILS_PER_ACCOUNT?.seconds ?? 0) > period)
    problems.push(`LIMIT_EMAILS_PER_ACCOUNT: write a length of time no longer than ${why}`)
  if ((values.LIMIT_EMAILS_PER_MAILBOX?.seconds ?? 0) > period)
    problems.push(`LIMIT_EMAILS_PER_MAILBOX: write a length of time no longer than ${why}`)
  if (values.EMAIL_COOLDOWN >= period)
    problems.push(`EMAIL_COOLDOWN: write a length of time shorter than ${why}`)
  return problems
}

export const schemaSettings = settingsSchema.pick({ DATABASE_SCHEMA: true, DATABASE_QUEUE_SCHEMA: true })

/**
 * Finds a queue schema that is too long by default, or that is also Rekey's own. Until the queue is installed, `migrate` takes any table in
 * the queue's schema for a table of another application.
 */
export function schemaNameProblems(given: Record<string, string | undefined>): string[] {
  const { success, data } = schemaSettings.safeParse(given)
  if (!success) return []
  const { own, queue } = databaseSchemaNames(data)
  if (!schemaNamePattern.test(queue))
    return ['DATABASE_SCHEMA: write 34 characters at most, or set DATABASE_QUEUE_SCHEMA too']
  return own === queue
    ? ['DATABASE_QUEUE_SCHEMA: write another schema than DATABASE_SCHEMA; the queue has one to itself']
    : []
}

/** Whether a URL names a database on another machine and contains a password that attackers try first. False without a valid URL. */
export function hasEasilyGuessedPassword(databaseUrl: string | undefined): boolean {
  const parsed = databaseUrl === undefined ? undefined : parseDatabaseUrl(databaseUrl)
  if (parsed === undefined || parsed.password === '') return false
  const { host, user, password } = parsed
  if (host === '' || host.startsWith('/') || isLoopback(host)) return false
  const commonPasswords = /^(postgres|password|admin|root|secret|changeme|rekey)$/i
  return commonPasswords.test(password) || password.toLowerCase() === user.toLowerCase()
}

import { isLoopback } from '@/lib/addresses/loopback'
import { readDatabaseUrl } from './database-url'
import { shape } from './schema'

const times = shape.pick({
  RESET_PASSWORD_VERIFICATION_PERIOD: true,
  LIMIT_LETTERS_PER_ACCOUNT: true,
  LIMIT_LETTERS_PER_MAILBOX: true,
  LETTER_COOLDOWN: true,
})

/**
 * Somebody who gets no more letters holds a link that works: what a stranger has caused must not outlast the links that
 * came with it, or the stranger decides who can reset. Judged as soon as these settings can be read, whatever is wrong
 * with others.
 */
export function linklessTimes(given: Record<string, string | undefined>): string[] {
  const { success, data: values } = times.safeParse(given)
  if (!success) return []
  const period = values.RESET_PASSWORD_VERIFICATION_PERIOD
  const why = `RESET_PASSWORD_VERIFICATION_PERIOD (${period}s): a stranger could use up a person's letters while no link of theirs is live`
  const problems: string[] = []
  if ((values.LIMIT_LETTERS_PER_ACCOUNT?.seconds ?? 0) > period)
    problems.push(`LIMIT_LETTERS_PER_ACCOUNT: write a length of time no longer than ${why}`)
  if ((values.LIMIT_LETTERS_PER_MAILBOX?.seconds ?? 0) > period)
    problems.push(`LIMIT_LETTERS_PER_MAILBOX: write a length of time no longer than ${why}`)
  if (values.LETTER_COOLDOWN >= period)
    problems.push(`LETTER_COOLDOWN: write a length of time shorter than ${why}`)
  return problems
}

const schemas = shape.pick({ DATABASE_SCHEMA: true, DATABASE_QUEUE_SCHEMA: true })

/** The queue has a schema to itself: its tables and Rekey's would be taken for somebody else's in one. */
export function oneSchemaForBoth(given: Record<string, string | undefined>): string[] {
  const { success, data } = schemas.safeParse(given)
  return success && data.DATABASE_SCHEMA === data.DATABASE_QUEUE_SCHEMA
    ? ['DATABASE_QUEUE_SCHEMA: write another schema than DATABASE_SCHEMA; the queue has one to itself']
    : []
}

/** Whether a database elsewhere opens to a password that is tried first. None at all may mean a certificate. */
export function hasStockPassword(databaseUrl: string | undefined): boolean {
  const address = databaseUrl === undefined ? undefined : readDatabaseUrl(databaseUrl)
  if (address === undefined || address.password === '') return false
  const { host, user, password } = address
  if (host === '' || host.startsWith('/') || isLoopback(host)) return false
  const tried = /^(postgres|password|admin|root|secret|changeme|rekey)$/i
  return tried.test(password) || password.toLowerCase() === user.toLowerCase()
}

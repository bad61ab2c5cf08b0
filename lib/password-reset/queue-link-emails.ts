import { createHash, randomInt } from 'node:crypto'
import { compareIds, isResettable, type Account } from '@/lib/accounts/account'
import type { AttemptResult, QueuedJob } from '@/lib/queue/queue'
import { maxAccountsPerMailbox } from '@/lib/rate-limits/email-limits'
import { usernameSpellings } from '@/lib/text/username'
import type { EmailDependencies } from './email-dependencies'
import { findResettableAccounts } from './find-accounts'
import type { EmailSimulation } from './simulated-emails'
import type { LinkEmailJob, StoreLinkEmailJobs } from './store-link-email-jobs'

/** Seconds that each email of a request after the first waits: all at once, they could reveal that one login has several accounts. */
const spread = { least: 1, most: 4 }

/**
 * Queues an email for every account of a request or, if there is none, a simulated email. Audits the first request per client, account and
 * ten minutes: a client must not fill the disk.
 */
export async function queueLinkEmails(
  parts: EmailDependencies,
  simulation: EmailSimulation,
  store: StoreLinkEmailJobs,
  { id, data, createdAt, attempt }: QueuedJob<'link-request'>,
): Promise<AttemptResult> {
  const { limits } = parts
  const { target, locale, requestId, client, bypassPause } = data
  const found =
    'login' in target
      ? await findByLogin(parts, target.login, requestId)
      : await findById(parts, target.accountId)
  const requestedAt = Math.floor(createdAt.getTime() / 1000)
  const email = { requestedAt, locale, requestId, bypassPause }
  if (found.length === 0)
    return simulation.request(derivedId(id, 'nobody'), { ...email, accountId: null }, client)

  const jobs: LinkEmailJob[] = []
  for (const [nth, { id: accountId }] of found.entries())
    jobs.push({
      id: derivedId(id, accountId),
      data: { ...email, accountId },
      afterSeconds: nth === 0 ? 0 : randomInt(spread.least, spread.most + 1),
      // An earlier attempt may have counted this request as the first one, but stored nothing.
      isAudited: attempt > 1 || (await limits.isFirstInWindow(client, `requested ${accountId}`)),
    })
  await store(jobs, { requestId, client })
  return { outcome: 'done' }
}

async function findByLogin(parts: EmailDependencies, login: string, requestId: string): Promise<Account[]> {
  const { limits, log } = parts
  const capped = (count: number) => log.warn({ event: 'accounts_capped', requestId, count })
  const found = await findResettableAccounts(parts, login, (ids) => {
    if (ids.length > maxAccountsPerMailbox) capped(ids.length)
    return limits.chooseOnTurn(ids)
  })
  if (found.length <= maxAccountsPerMailbox) return found
  // A team's own function may find more, and so may a login that is both a username and an email address.
  capped(found.length)
  const usernames = usernameSpellings(login)
  const isNamed = ({ username }: Account) => Number(usernames.includes(username))
  return found
    .sort((a, b) => isNamed(b) - isNamed(a) || compareIds(a.id, b.id))
    .slice(0, maxAccountsPerMailbox)
}

async function findById({ accounts }: EmailDependencies, accountId: string): Promise<Account[]> {
  const { account } = await accounts.read(accountId)
  return account !== null && isResettable(account) ? [account] : []
}

/** Derives the id of an email's job from the id of the request's job, so that a retry does not queue a second email. */
function derivedId(jobId: string, accountId: string): string {
  const bytes = createHash('sha256').update(`${jobId} ${accountId}`).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x80 // version 8: custom (RFC 9562 §5.8)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

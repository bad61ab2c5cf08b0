import { signedState, type Account } from '@/lib/accounts/account'
import type { Transaction } from '@/lib/database/pool'
import type { PolicyProblem } from '@/lib/passwords/policy'
import type { ResetPasswordRequest } from './extension-points'
import {
  auditRejection,
  auditThrottled,
  rejectLink,
  rejectThrottled,
  type RejectedLink,
  type Throttled,
} from './rejections'
import { releaseCount } from './release-count'
import type { RequestContext, ResetDependencies } from './reset-dependencies'
import { createKeyedMutex } from './keyed-mutex'
import type { Link } from './reset-link'
import { verifyLinkAuthenticity, verifyResetLink, type LinkVerification } from './verify-link'

export type CompleteResetInput = {
  link: Link
  password: string
  /** Ignored unless RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM is true. */
  passwordConfirm: string | undefined
  locale: string
  requestId: string
  request: ResetPasswordRequest
}

/** `mismatch`: the required repeated password differs or is missing. */
export type RejectedPassword = {
  ok: false
  code: 'password-rejected'
  problems: (PolicyProblem | { code: 'breached' })[]
  mismatch: boolean
}

type CompleteResetOutcome = { ok: true } | RejectedLink | RejectedPassword | Throttled

type Step = RejectedLink | RejectedPassword | Throttled | undefined

/**
 * Replaces the password of an account if the reset link, the password and, if a team requires one, the second factor are valid.
 *
 * @throws HashQueueFull, LimiterBroken, or an error of the database, the password format or a team's function
 */
export async function completeReset(
  parts: ResetDependencies,
  input: CompleteResetInput,
): Promise<CompleteResetOutcome> {
  const { limits } = parts
  const { link, request } = input
  const context = { requestId: input.requestId, client: request.client }
  const counted = await limits.countReset(request.client, verifyLinkAuthenticity(parts, 'reset', link))
  if (!counted.ok) return rejectThrottled(parts, counted, context)
  const { status, account } = await verifyResetLink(parts, link)
  if (status !== 'valid') return rejectLink(parts, status, link, context)

  const stopped =
    (await checkPassword(parts, input, account, context)) ??
    (await checkSecondFactor(parts, input, account, context))
  if (stopped !== undefined) return stopped

  // One request with this link at a time: if links work once, the requests after a successful one cost no hash.
  return hashesOfLink(link.signature, async (waited) => {
    const current: LinkVerification = waited ? await verifyResetLink(parts, link) : { status, account }
    if (current.status !== 'valid') return rejectLink(parts, current.status, link, context)
    const newHash = await hashPassword(parts, input, context)
    if (newHash === undefined) return exhausted(parts, link, context)
    const replaced = await replacePassword(parts, input, current.account, newHash, context)
    return replaced ? { ok: true } : rejectLink(parts, 'signature-used', link, context)
  })
}

/** Rejects a link whose hashes are used up. Verifies the link again, because another process may just have used it. */
async function exhausted(
  parts: ResetDependencies,
  link: Link,
  context: RequestContext,
): Promise<RejectedLink> {
  const { status } = await verifyResetLink(parts, link)
  return status === 'valid' ? { ok: false, code: 'link-exhausted' } : rejectLink(parts, status, link, context)
}

/** Allows one hash at a time for each link in this process. `hashesPerLink` limits the hashes of all processes. */
const hashesOfLink = createKeyedMutex()

/** Hashes the password; returns undefined if the link has reached its limit of hashes (`hashesPerLink`). */
async function hashPassword(
  parts: ResetDependencies,
  { link, password }: CompleteResetInput,
  context: RequestContext,
): Promise<string | undefined> {
  const { hash, limits, log } = parts
  const counted = await limits.countHash(link.signature)
  if (!counted.ok) {
    await auditThrottled(parts, counted, context)
    return undefined
  }
  try {
    return await hash.hash(password)
  } catch (error) {
    // A busy server must not use up the link.
    await releaseCount(log, limits.returnHash(link.signature))
    throw error
  }
}

async function checkPassword(
  parts: ResetDependencies,
  { link, password, passwordConfirm, request }: CompleteResetInput,
  account: Account,
  context: RequestContext,
): Promise<Step> {
  const { policy, isBreached, hash, limits, settings } = parts
  const problems: RejectedPassword['problems'] = policy.findProblems(password, account)
  if (problems.length === 0 && (await isBreached(hash.normalise(password))))
    problems.push({ code: 'breached' })
  const mismatch = settings.reset.passwordConfirm && passwordConfirm !== password
  if (problems.length === 0 && !mismatch) return undefined
  const attempt = await limits.countAttempt(request.client, link.signature)
  if (!attempt.ok) return rejectThrottled(parts, attempt, context)
  await auditRejection(parts, 'password-rejected', account.id, context)
  return { ok: false, code: 'password-rejected', problems, mismatch }
}

/** Counts each guess before the team's function runs, so that concurrent guesses cannot exceed the limit. */
async function checkSecondFactor(
  parts: ResetDependencies,
  { link, request }: CompleteResetInput,
  account: Account,
  context: RequestContext,
): Promise<Step> {
  const { limits, configuration } = parts
  if (configuration.secondFactor === undefined) return undefined
  const attempt = await limits.countAttempt(request.client, link.signature)
  if (!attempt.ok) return rejectThrottled(parts, attempt, context)
  const guess = await limits.countGuess(link.signature)
  if (!guess.ok) {
    // Not `throttled`: a new link helps at once.
    await auditThrottled(parts, guess, context)
    return { ok: false, code: 'second-factor-exhausted' }
  }
  // The copy evaluates `fields`, which may be a getter, only here: a request with an invalid link must not cost that work.
  const passed = await configuration.secondFactor(account, { ...request })
  return passed ? undefined : rejectLink(parts, 'second-factor-required', link, context)
}

/**
 * Replaces the password, ends sessions, audits and queues jobs, all in one transaction.
 *
 * @returns false if nothing was replaced, because the account changed after its link was verified
 */
async function replacePassword(
  { accounts, audit, configuration, database, queue, settings }: ResetDependencies,
  { locale, requestId, request: { client } }: CompleteResetInput,
  account: Account,
  newHash: string,
  context: RequestContext,
): Promise<boolean> {
  const { revokeSessions } = configuration
  // Prisma's client costs several times as much processor time as `pg`, and only a team's function needs it.
  if (revokeSessions === undefined) return database.transaction((tx) => replaceIn(tx))
  return database.prismaTransaction((tx) => replaceIn(tx, () => revokeSessions(tx, account)))

  async function replaceIn(tx: Transaction, endSessions?: () => Promise<void>): Promise<boolean> {
    const bindPassword = settings.reset.oneTimeUse
    const replaced = await accounts.replacePassword(tx, account.id, signedState(account), newHash, {
      bindPassword,
    })
    if (replaced === null) return false
    await endSessions?.()
    const facts = { ...context, accountId: account.id }
    await audit.record('changed', facts, tx)
    if (endSessions || replaced.endedSignIns > 0)
      await audit.record('sessionsEnded', { ...facts, reason: 'revoked' }, tx)
    const { id: accountId, email, username } = account
    await queue.add('changed-email', { accountId, email, client, locale, requestId }, { tx })
    if (configuration.passwordChanged)
      await queue.add('changed-hook', { accountId, username, requestId }, { tx })
    return true
  }
}

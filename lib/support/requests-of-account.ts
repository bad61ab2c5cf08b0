import type { Account } from '@/lib/accounts/account'
import { auditEvents, type AuditLog, type AuditEventKey, type HistoryEntry } from '@/lib/audit/audit'
import type { Database } from '@/lib/database/pool'
import { requestTimeOfOpening } from '@/lib/password-reset/record-opening'
import { createJobSearch, type FoundJob } from './job-search'

/** `detail`: a code, or the mail server's reply; null if there is none. */
export type RequestStep = {
  at: Date
  step:
    | 'requested'
    | 'printed'
    | 'waiting-for-worker'
    | 'queued'
    | 'sent'
    | 'deferred'
    | 'held'
    | 'failed'
    | 'cancelled'
    | 'opened'
    | 'changed'
  detail: string | null
  client: string | null
  /** The name of the supporter who caused the event; null if a visitor or Rekey did. */
  actor: string | null
}

/** A request for a link, and what became of it, oldest step first. */
export type FoundRequest = { requestId: string; requestedAt: Date; steps: RequestStep[] }

const stepsOfEvents: Partial<Record<AuditEventKey, RequestStep['step']>> = {
  requested: 'requested',
  sent: 'sent',
  held: 'held',
  failed: 'failed',
  printed: 'printed',
  opened: 'opened',
  changed: 'changed',
}

/**
 * Puts together what the audit log and the queue know of an account's requests for links since a time, oldest first. Requests of a flood
 * may be missing: the audit log has only some of them, and the queue deletes finished jobs.
 */
export async function requestsOfAccount(
  { audit, database }: { audit: Pick<AuditLog, 'history'>; database: Database },
  { id, username, email }: Account,
  since: Date,
): Promise<FoundRequest[]> {
  const logins = [username, email].filter((login) => login !== '')
  const [history, jobs] = await Promise.all([
    audit.history(id),
    createJobSearch(database).ofAccount(id, logins),
  ])
  const found = new Map<string, FoundRequest>()
  const requestOf = (requestId: string, requestedAt: Date): FoundRequest => {
    const request = found.get(requestId) ?? { requestId, requestedAt, steps: [] }
    found.set(requestId, request)
    return request
  }
  for (const job of jobs) {
    if (job.kind === 'link-request' && isFinished(job)) continue
    requestOf(job.requestId, job.requestedAt).steps.push(...stepsOfJob(job))
  }
  for (const line of history) {
    const step = stepOf(line)
    // The entry of an opening or a change has the id of its own HTTP request, not of the request for the link.
    if (line.requestId === null || step === undefined || step === 'opened' || step === 'changed') continue
    const { steps } = requestOf(line.requestId, line.at)
    // A request that the support made can have a second `requested` entry, from the worker.
    if (step === 'requested' && steps.some((earlier) => earlier.step === step)) continue
    steps.push(asStep(line, step))
  }
  const all = [...found.values()].sort((a, b) => a.requestedAt.getTime() - b.requestedAt.getTime())
  addOpenings(all, history)
  const requests = all.filter(({ requestedAt }) => requestedAt >= since)
  addChanges(requests, history)
  const rank = ({ step }: RequestStep) => (step === 'requested' ? 0 : 1)
  // The statement that queues an email also records its request, at the same time.
  for (const { steps } of requests) steps.sort((a, b) => a.at.getTime() - b.at.getTime() || rank(a) - rank(b))
  return requests
}

function stepsOfJob(job: FoundJob): RequestStep[] {
  const bare = { client: null, actor: null }
  if (job.kind === 'link-request')
    return [{ ...bare, at: job.createdAt, step: 'waiting-for-worker', detail: job.reason }]
  const queued: RequestStep = { ...bare, at: job.createdAt, step: 'queued', detail: null }
  if (job.state === 'cancelled') return [queued, { ...bare, at: job.dueAt, step: 'cancelled', detail: null }]
  if (job.state === 'retry') return [queued, { ...bare, at: job.dueAt, step: 'deferred', detail: job.reason }]
  return [queued]
}

const isFinished = ({ state }: FoundJob) => !['created', 'retry', 'active'].includes(state)

const eventsByName = new Map(Object.entries(auditEvents).map(([event, name]) => [name as string, event]))

function stepOf({ event }: HistoryEntry): RequestStep['step'] | undefined {
  return stepsOfEvents[eventsByName.get(event) as AuditEventKey]
}

function asStep({ at, reason, client, actor }: HistoryEntry, step: RequestStep['step']): RequestStep {
  return { at, step, detail: step === 'opened' ? null : reason, client, actor }
}

/**
 * Adds the openings of links to the requests. The entry of an opening names the second of the request. A request whose job is deleted
 * has the slightly later time of its audit entry, so the first request from that second to the opening is taken.
 */
function addOpenings(requests: FoundRequest[], history: HistoryEntry[]): void {
  const seen = new Set<number>()
  for (const line of history) {
    const requestedAt = stepOf(line) === 'opened' ? requestTimeOfOpening(line.reason) : undefined
    // One link may have several entries, for example of several processes.
    if (requestedAt === undefined || seen.has(requestedAt)) continue
    seen.add(requestedAt)
    const request = requests.find((one) => Math.floor(one.requestedAt.getTime() / 1000) >= requestedAt)
    if (request !== undefined && request.requestedAt <= line.at) request.steps.push(asStep(line, 'opened'))
  }
}

function addChanges(requests: FoundRequest[], history: HistoryEntry[]): void {
  const changes = history.filter((line) => stepOf(line) === 'changed')
  for (const request of requests) {
    const change = changes.find(({ at }) => at >= request.requestedAt)
    if (change !== undefined) request.steps.push(asStep(change, 'changed'))
  }
}

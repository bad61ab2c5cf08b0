import type { IncomingMessage } from 'node:http'
import type { SecuredResponse } from './response-headers'
import { createFairQueue, type QueueBounds } from './fair-queue'
import type { ErrorResponse } from './request-filter'
import { sendError } from './error-response'

/** The kinds of requests. Each has a queue of its own. */
type Kind = 'page' | 'api' | 'health' | 'metrics'

/** Times in milliseconds. */
export type AdmissionLimits = {
  queues: Record<Kind, QueueBounds>
  longestWait: number
  /** A request no longer counts as in progress after this time: a handler that never returns must not block the queue. */
  longestWork: number
  /** How long new connections and requests may delay waiting pages and endpoint requests. */
  longestIntake: number
}

/**
 * Pages need the main thread, so more of them at once would be slower. Endpoints mostly wait for the database and for hashes. One
 * client may have half of the requests in progress, so that other clients can begin.
 */
export const admissionLimits: AdmissionLimits = {
  queues: {
    page: { working: 4, workingPerClient: 2, waiting: 1024, waitingPerClient: 256 },
    api: { working: 32, workingPerClient: 16, waiting: 1024, waitingPerClient: 256 },
    health: { working: 8, workingPerClient: 4, waiting: 64, waitingPerClient: 16 },
    metrics: { working: 8, workingPerClient: 4, waiting: 16, waitingPerClient: 8 },
  },
  longestWait: 10_000,
  longestWork: 60_000,
  longestIntake: 50,
}

/** The response above a limit. After `Connection: close`, RFC 9112 §9.6 forbids processing later requests of the connection. */
export const overloadedResponse: ErrorResponse = {
  status: 503,
  detail: 'Service temporarily unavailable.',
  headers: { 'Retry-After': '5', Connection: 'close' },
}

type AdmittedRequest = {
  /** Call it when the handler has returned or thrown. */
  returned(): void
}

/**
 * Limits how many requests of a process are in progress and how many wait (requirement R9). Above a limit, or after `longestWait`, a
 * request gets {@link overloadedResponse}, and `onReject` is called.
 */
export function createAdmissionControl(limits: AdmissionLimits, onReject: () => void) {
  const { page, api, health, metrics } = limits.queues
  const queues = {
    page: createFairQueue(page),
    api: createFairQueue(api),
    health: createFairQueue(health),
    metrics: createFairQueue(metrics),
  }
  let arrivals = 0
  let scheduled = false
  /** When new arrivals began to delay the waiting requests. */
  let heldSince: number | undefined

  /** Counts a new connection or request. */
  function arrived(): void {
    arrivals += 1
  }

  /**
   * Begins waiting pages and endpoint requests once nothing more arrives, or after `longestIntake`. The event loop accepts one connection
   * per turn: if each turn of a burst also began a request, a health check that connects last would wait for all these requests.
   */
  function schedule(): void {
    if (scheduled) return
    scheduled = true
    const before = arrivals
    setImmediate(() => {
      scheduled = false
      const now = performance.now()
      heldSince ??= now
      if (arrivals !== before && now - heldSince < limits.longestIntake) return schedule()
      heldSince = undefined
      const began = [queues.api.beginNext(), queues.page.beginNext()]
      if (began.includes(true)) schedule()
    })
  }

  /**
   * Waits for the request's turn. Call it after the body arrived: a body that arrives slowly must not count as in progress.
   *
   * @returns undefined if the request was rejected here or its client has disconnected
   */
  function admit(response: SecuredResponse, client: string): Promise<AdmittedRequest | undefined> {
    const kind = kindOf(response.target)
    const queue = queues[kind]
    const isMonitor = kind === 'health' || kind === 'metrics'
    const next = () => (isMonitor ? void queue.beginNext() : schedule())
    const { promise, resolve } = Promise.withResolvers<AdmittedRequest | undefined>()

    const end = (turn: AdmittedRequest | undefined) => {
      clearTimeout(patience)
      response.off('close', hungUp)
      resolve(turn)
    }
    const rejectThis = () => {
      end(undefined)
      onReject()
      sendError(response, overloadedResponse)
    }
    const hungUp = () => {
      leave?.()
      end(undefined)
    }
    const patience = setTimeout(() => {
      leave?.()
      rejectThis()
    }, limits.longestWait)
    response.once('close', hungUp)
    arrived()
    const leave = queue.enter(client, {
      begin: () => end(occupy(response, () => (leave?.(), next()))),
      reject: rejectThis,
    })
    if (leave === undefined) rejectThis()
    else next()
    return promise
  }

  /**
   * Calls `free` once: after the response, when the client reads too slowly, after `longestWork`, or when the client has disconnected and
   * the handler has returned or begun the response.
   */
  function occupy(response: SecuredResponse, free: () => void): AdmittedRequest {
    let isFree = false
    let hasReturned = false
    const freeOnce = () => {
      clearTimeout(limit)
      if (!isFree) free()
      isFree = true
    }
    const limit = setTimeout(freeOnce, limits.longestWork)
    response.once('prefinish', freeOnce)
    response.once('stalled', freeOnce)
    response.once('close', () => {
      if (hasReturned || response.headersSent) freeOnce()
    })
    return {
      returned() {
        hasReturned = true
        if (response.closed || response.writableEnded) freeOnce()
      },
    }
  }

  return { admit, arrived }
}

function kindOf(target: string): Kind {
  if (target.startsWith('/api/health/')) return 'health'
  if (/^\/api\/metrics(?:[/?]|$)/.test(target)) return 'metrics'
  return target.startsWith('/api/') ? 'api' : 'page'
}

/**
 * Waits for a request's body, and for the previous response on its connection to close.
 *
 * @returns whether the connection is still open; never settles if the connection closes within the body
 */
export async function waitForBodyAndPreviousResponse(
  { socket }: IncomingMessage,
  earlier: SecuredResponse | undefined,
  bodyRead: Promise<void>,
): Promise<boolean> {
  await bodyRead
  if (earlier !== undefined && !earlier.closed) await new Promise((resolve) => earlier.once('close', resolve))
  return !socket.destroyed && !socket.writableEnded
}

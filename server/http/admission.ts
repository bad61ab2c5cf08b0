import type { IncomingMessage } from 'node:http'
import type { SecuredResponse } from './response-headers'
import { createFairQueue, type QueueBounds } from './fair-queue'
import type { ErrorResponse } from './request-filter'
import { sendError } from './error-response'

/** The kinds of requests: pages and files, endpoints, health checks, and metrics. Each kind has a queue of its own. */
type Kind = 'page' | 'api' | 'health' | 'metrics'

/** The limits of a process for requests in progress and requests that wait; times in milliseconds. */
export type AdmissionLimits = {
  queues: Record<Kind, QueueBounds>
  /** How long a request may wait for its turn. Less than the usual timeout of proxies, a minute. */
  longestWait: number
  /** After this time a request no longer counts as in progress: a handler that never returns must not block the queue. */
  longestWork: number
  /** How long new connections and requests may delay the pages and endpoint requests that wait. */
  longestIntake: number
}

/**
 * Pages and files need the process's main thread: more of them at once would only make each one slower. Endpoints mostly wait for
 * the database and for hashes. At most half of a queue's requests in progress are of one client, so that requests of others can
 * begin. Health checks and metrics have queues of their own, so that monitors get a response during a burst.
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

/**
 * The response to a request or connection that exceeds a limit. It closes the connection, and so drops the later requests on it:
 * RFC 9112 §9.6 forbids processing them after `Connection: close`.
 */
export const overloadedResponse: ErrorResponse = {
  status: 503,
  detail: 'Service temporarily unavailable.',
  headers: { 'Retry-After': '5', Connection: 'close' },
}

/** A request that may begin. */
export type AdmittedRequest = {
  /** Call it when the handler of the request has returned or thrown. */
  returned(): void
}

export type AdmissionControl = ReturnType<typeof createAdmissionControl>

/**
 * Limits how many requests of a process are in progress and how many wait (requirement R9). Clients take turns. A request gets
 * {@link overloadedResponse} if too many already wait when it comes, if it has to make room for another client's request, or after
 * `longestWait`. A request whose client disconnects while it waits never begins.
 *
 * @param onReject called for each request that gets `overloadedResponse`
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
  /** When new arrivals began to delay the waiting requests; undefined while they do not. */
  let heldSince: number | undefined

  /** Counts a new connection or request, so that `schedule` knows whether more arrive. */
  function arrived(): void {
    arrivals += 1
  }

  /**
   * Begins waiting requests once nothing more arrives, or after `longestIntake`: at most one endpoint request and one page in a
   * turn of the event loop. The loop accepts one connection per turn. If each turn of a burst also began a request, a health check
   * that connects after a thousand other clients would wait for a thousand requests. The delay also lets the server notice clients
   * that disconnected.
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
   * Waits for the request's turn. Call it after the whole body arrived: a body that arrives slowly must not count as in progress.
   *
   * @param client the client's key for rate limits
   * @returns the request when it may begin; undefined if it must not, because it was rejected here or its client has disconnected
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
   * Calls `free` once, as soon as the request should not count as in progress: when its whole response was handed to the
   * connection, when the client reads too slowly, when the client has disconnected and the handler has returned or begun the
   * response, or after `longestWork`.
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
 * Waits for the body of a request, and for the end of the response to the previous request on the same connection.
 *
 * @param earlier the previous response; undefined if none is pending
 * @param bodyRead the promise of `limitBody`
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

import type { IncomingMessage } from 'node:http'
import type { SecuredResponse } from './response-headers'
import { createFairQueue, type QueueBounds } from './fair-queue'
import type { ErrorResponse } from './request-filter'
import { sendError } from './error-response'

/** The cost of a request decides which queue it waits in. */
type Kind = 'page' | 'api' | 'health' | 'metrics'

/** The limits of admission: numbers of requests, and times in milliseconds. */
export type AdmissionLimits = {
  queues: Record<Kind, QueueBounds>
  /** How long a request may wait: a proxy in front gives up after a minute, a person sooner. */
  longestWait: number
  /** A request in progress for longer no longer counts: code that never returns must not block the process. */
  longestWork: number
  /** Milliseconds that new arrivals may delay waiting requests. */
  longestIntake: number
}

/**
 * Pages and files use the single thread: more at once would only make each one slower. Endpoints wait for the database and
 * for hashes. One client's requests in progress are at most half, so that another's can begin. Health checks have their own queue.
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
 * Closes the connection, which drops the later requests on it: RFC 9112 §9.6 forbids to process them after `Connection: close`,
 * and they would be rejected as well.
 */
export const overloadedResponse: ErrorResponse = {
  status: 503,
  detail: 'Service temporarily unavailable.',
  headers: { 'Retry-After': '5', Connection: 'close' },
}

/** A request that may begin. */
export type AdmittedRequest = {
  /** Call it when the handler of the request has returned. */
  returned(): void
}

export type AdmissionControl = ReturnType<typeof createAdmissionControl>

/**
 * Limits how many requests are in progress and how many wait (requirement R9). Waiting requests begin in turn by client. Rejects a
 * request at once if too many wait, and after `longestWait`. Does not begin a request whose client has disconnected.
 *
 * @param onReject called for each rejection
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
  /** The time since which new arrivals delay waiting requests; undefined if they do not. */
  let heldSince: number | undefined

  /** Counts an arriving request or connection. */
  function arrived(): void {
    arrivals += 1
  }

  /**
   * Begins waiting requests once nothing more arrives, one in each turn of the event loop. The loop accepts one connection
   * per turn: with work in each turn, a health check would wait behind a thousand connections for a thousand pieces of work.
   * Waiting also lets the server notice clients that disconnected.
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
   * Waits for the request's turn. Call it after the whole body arrived: a client that sends slowly must not occupy a place.
   *
   * @param client its key for rate limits
   * @returns undefined if the request must not begin: it was rejected here, or its client has disconnected
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
   * Calls `free` once the process has no more work for the request: the whole response was handed over, the client reads too
   * slowly, or the client disconnected and the handler has returned.
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
 * Resolves when the whole body of a request has arrived and the response to the previous request on its connection is done.
 *
 * @returns whether its connection is still open
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

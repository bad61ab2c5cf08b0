import type { IncomingMessage } from 'node:http'
import type { SecuredResponse } from './response-headers'
import { createFairQueue, type QueueBounds } from './fair-queue'
import type { ErrorResponse } from './request-filter'
import { sendError } from './error-response'

/** What a request costs decides in which queue it waits. */
type Kind = 'page' | 'api' | 'health'

/** Milliseconds, and numbers of requests. */
export type AdmissionLimits = {
  queues: Record<Kind, QueueBounds>
  /** How long a request waits to be begun: a proxy in front gives up after a minute, a person sooner. */
  longestWait: number
  /** A request in progress for so long is not counted any more: code that never returns must not use up the process. */
  longestWork: number
  /** How long what arrives may keep what waits from being begun. */
  longestIntake: number
}

/**
 * Pages, and files, are work of the one thread: more at once only make each one slower. The endpoints wait for the database
 * and for hashes. Each client gets half, so that another client's request finds a place. Health checks wait for neither.
 */
export const admissionLimits: AdmissionLimits = {
  queues: {
    page: { working: 4, workingPerClient: 2, waiting: 1024, waitingPerClient: 256 },
    api: { working: 32, workingPerClient: 16, waiting: 1024, waitingPerClient: 256 },
    health: { working: 8, workingPerClient: 4, waiting: 64, waitingPerClient: 16 },
  },
  longestWait: 10_000,
  longestWork: 60_000,
  longestIntake: 50,
}

/** What follows on the connection is dropped, as it may be (RFC 9112 §9.3.2): it would be refused as well. */
export const overloadedResponse: ErrorResponse = {
  status: 503,
  detail: 'Service temporarily unavailable.',
  headers: { 'Retry-After': '5', Connection: 'close' },
}

/** A request that may begin. */
export type AdmittedRequest = {
  /** To be called when what handles the request has returned. */
  returned(): void
}

export type Admission = ReturnType<typeof createAdmission>

/**
 * Lets a bounded number of requests begin, and a bounded number wait, in turn by client; refuses the rest at once
 * (requirement R9). Nothing is begun for a client that has hung up.
 *
 * @param onRefused is told of each refusal
 */
export function createAdmission(limits: AdmissionLimits, onRefused: () => void) {
  const { page, api, health } = limits.queues
  const queues = { page: createFairQueue(page), api: createFairQueue(api), health: createFairQueue(health) }
  let arrivals = 0
  let scheduled = false
  /** Since when arrivals keep what waits from being begun. */
  let heldSince: number | undefined

  /** To be told of each connection, too. */
  function arrived(): void {
    arrivals += 1
  }

  /**
   * Begins what waits once nothing more arrives, a request in each turn of the event loop. The loop accepts one connection in
   * a turn: with work in each of them, a thousand connections would keep a later one, a health check's too, waiting for as
   * long as a thousand pieces of work take. Who has hung up is seen as well before work is begun for them.
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
   * Waits for the request's turn. The whole body should be there: a client that sends slowly must not occupy a place.
   *
   * @param client a key of rate limits
   * @returns undefined for a request that must not be begun: refused here, or its client has hung up
   */
  function admit(response: SecuredResponse, client: string): Promise<AdmittedRequest | undefined> {
    const kind = kindOf(response.target)
    const queue = queues[kind]
    const next = () => (kind === 'health' ? void queue.beginNext() : schedule())
    const { promise, resolve } = Promise.withResolvers<AdmittedRequest | undefined>()

    const end = (turn: AdmittedRequest | undefined) => {
      clearTimeout(patience)
      response.off('close', hungUp)
      resolve(turn)
    }
    const refuseThis = () => {
      end(undefined)
      onRefused()
      sendError(response, overloadedResponse)
    }
    const hungUp = () => {
      leave?.()
      end(undefined)
    }
    const patience = setTimeout(() => {
      leave?.()
      refuseThis()
    }, limits.longestWait)
    response.once('close', hungUp)
    arrived()
    const leave = queue.enter(client, {
      begin: () => end(occupy(response, () => (leave?.(), next()))),
      refuse: refuseThis,
    })
    if (leave === undefined) refuseThis()
    else next()
    return promise
  }

  /**
   * Calls `free` once the process has no more to do for the request: all of the response is handed over, the client does not
   * keep up with it, or the client is gone and the handler has returned.
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
  return target.startsWith('/api/') ? 'api' : 'page'
}

/**
 * Resolves when a request may be answered: its whole body is there, and what came before it on its connection is answered.
 *
 * @returns whether its connection is still there
 */
export async function whenReady(
  { socket }: IncomingMessage,
  earlier: SecuredResponse | undefined,
  bodyRead: Promise<void>,
): Promise<boolean> {
  await bodyRead
  if (earlier !== undefined && !earlier.closed) await new Promise((resolve) => earlier.once('close', resolve))
  return !socket.destroyed && !socket.writableEnded
}

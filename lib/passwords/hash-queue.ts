import { availableParallelism } from 'node:os'
import { argon2id } from './hashers/argon2id'
import type { PasswordFormat } from './hashers/password-format'

/** Thrown if too many passwords wait to be hashed or verified. */
export class HashQueueFull extends Error {
  constructor() {
    super('too many passwords are waiting to be hashed')
    this.name = 'HashQueueFull'
  }
}

export type HashQueue = ReturnType<typeof createHashQueue>

type HashQueueOptions = {
  /** The format of new passwords. */
  format?: PasswordFormat
  /** Other formats of stored hashes, which `verify` recognises, too. */
  accepts?: readonly PasswordFormat[]
  /** The most concurrent hashes. Node's thread pool has four threads by default, and DNS and files need one of them. */
  maxParallel?: number
  /** The most MiB that concurrent hashes take together. A hash that needs more runs alone. */
  maxMebibytes?: number
  /** Milliseconds: a new password is rejected (`HashQueueFull`) if the waiting ones are expected to take this long, by their `cost`. */
  maxWait?: number
}

type Cost = PasswordFormat['cost']

/** Creates the queue that hashes and verifies passwords, and limits the memory and the expected wait (ASVS 15.2.2). */
export function createHashQueue({
  format = argon2id(),
  accepts = [],
  maxParallel = Math.min(Math.max(availableParallelism(), 2), 3),
  maxMebibytes = 64,
  maxWait = 3000,
}: HashQueueOptions = {}) {
  const formats = [format, ...accepts]
  const waiting: { cost: Cost; start: () => void }[] = []
  let running = 0
  let mebibytes = 0
  let waitingMilliseconds = 0
  let hashed = 0

  function fits(cost: Cost): boolean {
    return running === 0 || (running < maxParallel && mebibytes + cost.mebibytes <= maxMebibytes)
  }

  /** Returns the milliseconds by which a waiting hash delays those behind it, if as many equal hashes run in parallel as fit. */
  function share({ milliseconds, mebibytes }: Cost): number {
    return milliseconds / Math.max(1, Math.min(maxParallel, Math.floor(maxMebibytes / mebibytes)))
  }

  function occupy(cost: Cost): void {
    running += 1
    mebibytes += cost.mebibytes
  }

  function leave(cost: Cost): void {
    running -= 1
    mebibytes -= cost.mebibytes
    // In the order of arrival, even if a later hash would fit sooner: otherwise, a large one might wait forever.
    for (let next = waiting[0]; next !== undefined && fits(next.cost); next = waiting[0]) {
      waiting.shift()
      waitingMilliseconds = waiting.length === 0 ? 0 : waitingMilliseconds - share(next.cost)
      // Occupied here, not when its promise continues, so that no newer hash can start in between.
      occupy(next.cost)
      next.start()
    }
  }

  /** @throws HashQueueFull */
  async function inTurn<Result>(cost: Cost, work: () => Promise<Result>): Promise<Result> {
    if (waiting.length === 0 && fits(cost)) {
      occupy(cost)
    } else if (waitingMilliseconds < maxWait) {
      waitingMilliseconds += share(cost)
      await new Promise<void>((start) => waiting.push({ cost, start }))
    } else {
      throw new HashQueueFull()
    }
    try {
      return await work()
    } finally {
      leave(cost)
    }
  }

  /** @throws HashQueueFull, or the error of the format */
  function hash(password: string): Promise<string> {
    return inTurn(format.cost, () => {
      hashed += 1
      return format.hash(password)
    })
  }

  /** Returns false for a stored value of an unknown format. @throws HashQueueFull */
  async function verify(stored: string, password: string): Promise<boolean> {
    const written = formats.find((one) => one.matches(stored))
    if (written === undefined) return false
    return inTurn(written.cost, () => written.verify(password, stored))
  }

  return {
    hash,
    verify,
    normalise: format.normalise,
    /** How many hashes `hash` has begun, for tests. */
    get hashed() {
      return hashed
    },
    get running() {
      return running
    },
    get waiting() {
      return waiting.length
    },
  }
}

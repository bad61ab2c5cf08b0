import { availableParallelism } from 'node:os'
import { argon2id } from './hashers/argon2id'
import type { PasswordFormat } from './hashers/password-format'

/** Thrown if too many passwords wait to be hashed or verified; the endpoints respond 503, so that the client retries later. */
export class HashQueueFull extends Error {
  constructor() {
    super('too many passwords are waiting to be hashed')
    this.name = 'HashQueueFull'
  }
}

export type HashQueue = ReturnType<typeof createHashQueue>

type HashQueueOptions = {
  /** The format in which new passwords are hashed; by default Argon2id. */
  format?: PasswordFormat
  /** Other formats of stored hashes, which `verify` recognises, too. */
  accepts?: readonly PasswordFormat[]
  /**
   * The most concurrent hashes; by default the number of cores, at least two and at most three. Node's thread pool has four threads,
   * and DNS and files need one of them.
   */
  maxParallel?: number
  /** The most MiB that concurrent hashes take together. A hash that needs more runs alone. */
  maxMebibytes?: number
  /**
   * A password is rejected (`HashQueueFull`) while those that already wait are expected to take this many milliseconds or more,
   * by the `cost` of their formats.
   */
  maxWait?: number
}

type Cost = PasswordFormat['cost']

/**
 * Creates the queue that hashes and verifies passwords. Limits the concurrent hashes by their number and memory, so that load cannot
 * exhaust the memory, and the waiting ones by their expected time, so that no client waits too long (ASVS 15.2.2).
 */
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
    // The hash that has waited longest is next, even if a later one would fit sooner: otherwise a large one might wait forever.
    for (let next = waiting[0]; next !== undefined && fits(next.cost); next = waiting[0]) {
      waiting.shift()
      waitingMilliseconds = waiting.length === 0 ? 0 : waitingMilliseconds - share(next.cost)
      // Occupied here, not when its promise continues, so that no newer hash can start in between.
      occupy(next.cost)
      next.start()
    }
  }

  /** Runs work when its turn comes. @throws HashQueueFull at once if the waiting hashes are expected to take `maxWait` or more */
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

  /** Hashes a password in the format of new passwords. @throws HashQueueFull if too many are waiting, or the error of the format */
  function hash(password: string): Promise<string> {
    return inTurn(format.cost, () => {
      hashed += 1
      return format.hash(password)
    })
  }

  /** Whether a password matches a stored value; false for a value of an unknown format. @throws HashQueueFull if too many are waiting */
  async function verify(stored: string, password: string): Promise<boolean> {
    const written = formats.find((one) => one.matches(stored))
    if (written === undefined) return false
    return inTurn(written.cost, () => written.verify(password, stored))
  }

  return {
    hash,
    verify,
    /** Returns the text that `hash` hashes instead of the typed password. */
    normalise: format.normalise,
    /** How many hashes `hash` has begun. Tests read it. */
    get hashed() {
      return hashed
    },
    /** How many passwords are hashed or verified now. */
    get running() {
      return running
    },
    /** How many passwords wait to be hashed or verified. */
    get waiting() {
      return waiting.length
    },
  }
}

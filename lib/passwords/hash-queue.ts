import { availableParallelism } from 'node:os'
import { argon2id } from './hashers/argon2id'
import type { PasswordFormat } from './hashers/password-format'

/** More passwords wait to be hashed than can be served in time: the client should come back later (503). */
export class HashQueueFull extends Error {
  constructor() {
    super('too many passwords are waiting to be hashed')
    this.name = 'HashQueueFull'
  }
}

export type HashQueue = ReturnType<typeof createHashQueue>

type HashQueueOptions = {
  /** What new passwords are hashed with. */
  format?: PasswordFormat
  /** Older formats whose values are verified too. */
  accepts?: readonly PasswordFormat[]
  /** How many run at a time; the pool behind has four threads, and DNS and files need one of them. */
  maxParallel?: number
  /** MiB that all who run take together. One that needs more than that runs alone. */
  maxMebibytes?: number
  /** Milliseconds for which the last one in the queue may wait, as far as the formats' costs tell. */
  maxWait?: number
}

type Cost = PasswordFormat['cost']

/**
 * Makes and verifies password hashes. What runs at a time is bounded by its number and its memory, and what waits by the time
 * that it takes: load must not exhaust the memory, and nobody waits in vain (ASVS 15.2.2).
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

  /** The time for which it keeps others waiting, as many of its kind as fit run side by side. */
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
    // The longest waiting is the next, though a later one might fit sooner: else a large one would never get its turn.
    for (let next = waiting[0]; next !== undefined && fits(next.cost); next = waiting[0]) {
      waiting.shift()
      waitingMilliseconds = waiting.length === 0 ? 0 : waitingMilliseconds - share(next.cost)
      // Here and not when it continues, so that a newer one does not slip in between.
      occupy(next.cost)
      next.start()
    }
  }

  /** @throws HashQueueFull at once where those who wait already take too long */
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

  /**
   * Hashes a password exactly as received, in the format of new passwords.
   *
   * @throws HashQueueFull where too many are waiting
   */
  function hash(password: string): Promise<string> {
    return inTurn(format.cost, () => {
      hashed += 1
      return format.hash(password)
    })
  }

  /**
   * Whether the password is the one that was hashed. A value of a format that is neither written nor accepted fits no
   * password.
   *
   * @throws HashQueueFull where too many are waiting
   */
  async function verify(stored: string, password: string): Promise<boolean> {
    const written = formats.find((one) => one.matches(stored))
    if (written === undefined) return false
    return inTurn(written.cost, () => written.verify(password, stored))
  }

  return {
    hash,
    verify,
    /** What is hashed in place of a password. */
    normalise: format.normalise,
    /** How many passwords were hashed since the start, so that it can be shown that a bad link costs none. */
    get hashed() {
      return hashed
    },
  }
}

import { availableParallelism } from 'node:os'
import { hash as argon2, verify as argon2Verify } from '@node-rs/argon2'

/** OWASP Password Storage, NIST SP 800-63B-4 §3.1.1.2; the library's default algorithm is Argon2id, its salt random. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** More passwords wait to be hashed than can be served in time: the client should come back later (503). */
export class Busy extends Error {
  constructor() {
    super('too many passwords are waiting to be hashed')
    this.name = 'Busy'
  }
}

export type PasswordHash = ReturnType<typeof createPasswordHash>

/**
 * Makes and checks password hashes. Each one takes 19 MiB, so only a few run at a time and a bounded number waits:
 * load must not exhaust the memory (ASVS 15.2.2).
 *
 * @param maxParallel how many run at a time; the pool behind has four threads, and DNS and files need one of them
 * @param maxWaiting how many wait; a core does about thirty in a second
 */
export function createPasswordHash({
  maxParallel = Math.min(Math.max(availableParallelism(), 2), 3),
  maxWaiting = 64,
}: { maxParallel?: number; maxWaiting?: number } = {}) {
  const waiting: (() => void)[] = []
  let running = 0
  let hashed = 0

  /** @throws Busy at once where the queue is full */
  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running < maxParallel) running += 1
    else if (waiting.length < maxWaiting) await new Promise<void>((resolve) => waiting.push(resolve))
    else throw new Busy()
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // The longest waiting takes the place over, so that a newer one does not slip in between.
      if (next) next()
      else running -= 1
    }
  }

  /**
   * Hashes a password exactly as received, with Argon2id, to a PHC string.
   *
   * @throws Busy where too many are waiting
   */
  function hash(password: string): Promise<string> {
    return inTurn(() => {
      hashed += 1
      return argon2(password, cost)
    })
  }

  /**
   * Whether the password is the one that was hashed. A string that is no Argon2 hash fits no password.
   *
   * @throws Busy where too many are waiting
   */
  async function verify(phc: string, password: string): Promise<boolean> {
    if (!/^\$argon2(?:id|i|d)\$/.test(phc)) return false
    return inTurn(() => argon2Verify(phc, password).catch(() => false))
  }

  return {
    hash,
    verify,
    /** How many passwords were hashed since the start, so that it can be shown that a bad link costs none. */
    get hashed() {
      return hashed
    },
  }
}

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** How many durations of sending are remembered: enough to vary, few enough to follow a mail server that changes its speed. */
const remembered = 32

/** Milliseconds that a simulated email occupies its slot before this process has sent an email and measured how long that takes. */
const firstGuess = 100

/**
 * Milliseconds between two ticks. A pause ends only at a tick, so that the emails of one tick share statements on the database. The ticks
 * are the same for all emails, so they reveal nothing about any.
 */
const tick = 20

/** The most milliseconds that a simulation waits: if a mail server is silent for minutes, simulations must not occupy slots as long. */
const longestSimulation = 2000

export type SendPacing = ReturnType<typeof createSendPacing>

/**
 * Creates the pacing of emails with links, so that their arrival does not reveal which earlier requests named an account. `send` sends
 * an email in one of `slots` slots. `pause` waits a random time, which hides small differences. `simulate`, for an email that is not
 * sent, occupies a slot as long as a recent email did, up to `longestSimulation`.
 *
 * @param slots how many emails are sent concurrently
 * @param longestPause milliseconds; the random time is half of it on average
 */
export function createSendPacing({ slots, longestPause }: { slots: number; longestPause: number }) {
  const durations: number[] = []
  const waiting: (() => void)[] = []
  const ticks = new Map<number, Promise<void>>()
  let free = slots

  /**
   * Waits a random time, then for the next tick. The time is the sum of two random numbers, so that its distribution has no sharp
   * edges. All emails of a tick continue in the same turn of the event loop.
   */
  async function pause(): Promise<void> {
    if (longestPause === 0) return
    const random = randomInt(longestPause / 2 + 1) + randomInt(longestPause / 2 + 1)
    await reach(Math.ceil((performance.now() + random) / tick))
  }

  /** Waits for a tick. @param nth its number since the start of the process */
  function reach(nth: number): Promise<void> {
    const known = ticks.get(nth)
    if (known !== undefined) return known
    const reached = sleep(nth * tick - performance.now()).then(() => void ticks.delete(nth))
    ticks.set(nth, reached)
    return reached
  }

  /** Runs `work`, which sends an email, in a slot, and remembers how long `work` took if the email was sent. */
  function send<Result extends { ok: boolean }>(work: () => Promise<Result>): Promise<Result> {
    return inSlot(async () => {
      const started = performance.now()
      const outcome = await work()
      if (outcome.ok) durations.push(performance.now() - started)
      if (durations.length > remembered) durations.shift()
      return outcome
    })
  }

  /** Runs `work` in a slot. Keeps the slot for the time of a recent email, up to `longestSimulation`, or until `work` ends if later. */
  function simulate(work: () => Promise<void>): Promise<void> {
    return inSlot(async () => {
      const recent = durations.length === 0 ? firstGuess : durations[randomInt(durations.length)]!
      await Promise.all([work(), sleep(Math.min(recent, longestSimulation))])
    })
  }

  async function inSlot<Result>(work: () => Promise<Result>): Promise<Result> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }

  return { pause, send, simulate }
}

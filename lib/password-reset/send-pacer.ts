import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** How many durations of sending are remembered: enough to vary, few enough to follow a mail server that changes its speed. */
const remembered = 32

/** Milliseconds that a simulated email occupies its slot until this process has sent an email. */
const firstGuess = 100

/** Milliseconds. A pause ends at a tick, so that the emails of one tick share statements on the database. */
const tick = 20

/** Milliseconds: if a mail server is silent for minutes, simulations must not occupy slots as long. */
const longestSimulation = 2000

export type SendPacer = ReturnType<typeof createSendPacer>

/**
 * Creates the pacing of emails with links, so that their arrival does not reveal which earlier requests named an account.
 *
 * @param slots how many emails are sent concurrently
 * @param longestPause milliseconds
 */
export function createSendPacer({ slots, longestPause }: { slots: number; longestPause: number }) {
  const durations: number[] = []
  const waiting: (() => void)[] = []
  const ticks = new Map<number, Promise<void>>()
  let free = slots

  /** Waits a random time, then for the next tick. The sum of two random numbers has a distribution without sharp edges. */
  async function pause(): Promise<void> {
    if (longestPause === 0) return
    const random = randomInt(longestPause / 2 + 1) + randomInt(longestPause / 2 + 1)
    await reach(Math.ceil((performance.now() + random) / tick))
  }

  /** Waits for the nth tick since the start of the process. */
  function reach(nth: number): Promise<void> {
    const known = ticks.get(nth)
    if (known !== undefined) return known
    const reached = sleep(nth * tick - performance.now()).then(() => void ticks.delete(nth))
    ticks.set(nth, reached)
    return reached
  }

  /** Sends an email in a slot, and remembers how long that took if the email was sent. */
  function send<Result extends { ok: boolean }>(work: () => Promise<Result>): Promise<Result> {
    return inSlot(async () => {
      const started = performance.now()
      const outcome = await work()
      if (outcome.ok) durations.push(performance.now() - started)
      if (durations.length > remembered) durations.shift()
      return outcome
    })
  }

  /** Runs `work` in a slot, which stays occupied about as long as for a recent email. */
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

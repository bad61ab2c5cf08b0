import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** Durations that are remembered: enough to vary, few enough to follow a mail server that becomes slower or faster. */
const remembered = 32

/** Milliseconds that sending is taken to last before the first email was sent. */
const firstGuess = 100

/** Milliseconds: a mail server that is silent for minutes must not have requests for nobody hold the slots, too. */
const longestRehearsal = 2000

export type SendSchedule = ReturnType<typeof createSendSchedule>

/**
 * When a worker's emails leave. Whether requests named accounts must not show in when the email of a later one arrives, so
 * a request for nobody takes one of the slots as an email does, for as long as a recent one took; and each request waits a
 * drawn time first, so that small differences in what remains are lost in it.
 *
 * @param slots emails that are sent at once
 * @param longestPause milliseconds; the drawn time is half of it on average, and around that most often
 */
export function createSendSchedule({ slots, longestPause }: { slots: number; longestPause: number }) {
  const durations: number[] = []
  const waiting: (() => void)[] = []
  let free = slots

  /** Waits the drawn time. It has no sharp edges: the sum of two draws. */
  async function pause(): Promise<void> {
    if (longestPause > 0) await sleep(randomInt(longestPause / 2 + 1) + randomInt(longestPause / 2 + 1))
  }

  /** Sends an email in a slot of its own, and remembers how long that took where the email left. */
  function send<Result extends { ok: boolean }>(work: () => Promise<Result>): Promise<Result> {
    return inSlot(async () => {
      const started = performance.now()
      const outcome = await work()
      if (outcome.ok) durations.push(performance.now() - started)
      if (durations.length > remembered) durations.shift()
      return outcome
    })
  }

  /** Takes a slot for as long as a recent email did. @param work what of an email costs the worker time; part of that */
  function rehearse(work: () => Promise<void>): Promise<void> {
    return inSlot(async () => {
      const recent = durations.length === 0 ? firstGuess : durations[randomInt(durations.length)]!
      await Promise.all([work(), sleep(Math.min(recent, longestRehearsal))])
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

  return { pause, send, rehearse }
}

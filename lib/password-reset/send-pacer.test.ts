import { expect, test } from 'vitest'
import { createSendPacer } from './send-pacer'

test('emails begin at few ticks, all of a tick in one turn of the event loop [A8]', async () => {
  const { pause } = createSendPacer({ slots: 1, longestPause: 60 })
  let turn = 0
  const counting = setInterval(() => (turn += 1), 1)
  const turns = new Set<number>()
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      await pause()
      turns.add(turn)
    }),
  )
  clearInterval(counting)
  // At most five ticks: 60 ms and the tick after them. On a busy machine, several ticks come in one turn.
  expect(turns.size).toBeLessThanOrEqual(5)
})

test('nobody waits for a moment where no pause is wanted', async () => {
  const { pause } = createSendPacer({ slots: 1, longestPause: 0 })
  let ticked = false
  const timer = setTimeout(() => (ticked = true), 0)
  await pause()
  clearTimeout(timer)
  expect(ticked).toBe(false)
})

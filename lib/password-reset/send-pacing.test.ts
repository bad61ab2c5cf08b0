import { expect, test } from 'vitest'
import { createSendPacing } from './send-pacing'

test('emails begin at moments of one grid, all of a moment in one turn of the event loop [A8]', async () => {
  const { pause } = createSendPacing({ slots: 1, longestPause: 60 })
  let turn = 0
  const turnsOf = new Map<number, Set<number>>()
  const ended: { waited: number; at: number }[] = []
  const counting = setInterval(() => (turn += 1), 1)
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const start = performance.now()
      await pause()
      const at = performance.now()
      ended.push({ waited: at - start, at })
      const moment = Math.floor((at + 1) / 20)
      turnsOf.set(moment, (turnsOf.get(moment) ?? new Set()).add(turn))
    }),
  )
  clearInterval(counting)
  // 60 ms and a tick at most: four or five moments, each of them one turn.
  expect(turnsOf.size).toBeGreaterThan(1)
  expect(turnsOf.size).toBeLessThanOrEqual(5)
  for (const turns of turnsOf.values()) expect(turns.size).toBe(1)
  expect(Math.min(...ended.map(({ waited }) => waited))).toBeGreaterThanOrEqual(0)
})

test('nobody waits for a moment where no pause is wanted', async () => {
  const { pause } = createSendPacing({ slots: 1, longestPause: 0 })
  let ticked = false
  const timer = setTimeout(() => (ticked = true), 0)
  await pause()
  clearTimeout(timer)
  expect(ticked).toBe(false)
})

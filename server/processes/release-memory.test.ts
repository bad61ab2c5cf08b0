import { PerformanceObserver, constants, type NodeGCPerformanceDetail } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { releaseMemoryWhenIdle } from './release-memory'

/** Counts the collections of all garbage. V8 itself causes none here: next to nothing is allocated. */
function countCollections(): () => number {
  let collections = 0
  new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as unknown as { detail: NodeGCPerformanceDetail }[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections += 1
  }).observe({ type: 'gc' })
  return () => collections
}

async function work(): Promise<void> {
  for (let n = 0; n < 6; n += 1) {
    const end = performance.now() + 180
    while (performance.now() < end);
    await pause(10)
  }
}

test('a process collects its garbage whenever it becomes idle, and neither while it works nor while it stays idle', async () => {
  const collections = countCollections()
  releaseMemoryWhenIdle({ interval: 200, idleBelow: 20 })

  await work()
  expect(collections()).toBe(0)
  await vi.waitFor(() => expect(collections()).toBeGreaterThan(0), { timeout: 10_000 })
  await pause(200)
  const first = collections()
  await pause(1_000)
  expect(collections()).toBe(first)

  await work()
  await vi.waitFor(() => expect(collections()).toBeGreaterThan(first), { timeout: 10_000 })
})

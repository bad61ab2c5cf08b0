import { expect, test } from 'vitest'
import { createBatchQueue, BatchQueueFull, type BatchBounds } from './batch-queue'

const bounds: BatchBounds = { waiting: 1000, underWay: 2, perClient: 4, size: 100 }

function startLine(given: Partial<BatchBounds> = {}) {
  const batches: { entries: string[]; end: () => void; fail: (error: Error) => void }[] = []
  const { add } = createBatchQueue<string, string>(
    (entries) => {
      const { promise, resolve, reject } = Promise.withResolvers<Promise<string>[]>()
      const end = () => resolve(entries.map((entry) => Promise.resolve(entry.toUpperCase())))
      batches.push({ entries, end, fail: reject })
      return promise
    },
    { ...bounds, ...given },
  )
  return { add, batches, sent: () => batches.map(({ entries }) => entries.join('')) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('if no batch is under way, an entry is sent in the same turn of the event loop, without a timer [R14]', async () => {
  const { add, batches, sent } = startLine()
  const result = add('a')
  await Promise.resolve()
  expect(sent()).toEqual(['a'])
  batches[0]!.end()
  expect(await result).toBe('A')
})

test('while two batches are under way, new entries wait, leave as one batch and get their own results [R14]', async () => {
  const { add, batches, sent } = startLine()
  void add('a')
  await turn()
  void add('b')
  await turn()
  const others = ['c', 'd', 'e'].map((entry) => add(entry))
  await turn()
  expect(sent()).toEqual(['a', 'b'])
  batches[1]!.end()
  await turn()
  expect(sent()).toEqual(['a', 'b', 'cde'])
  batches[2]!.end()
  expect(await Promise.all(others)).toEqual(['C', 'D', 'E'])
})

test('a thousand entries may wait, the next one is refused at once, and the thousand still get results [R14]', async () => {
  const { add, batches } = startLine({ size: 1000 })
  for (const entry of ['a', 'b']) {
    void add(entry)
    await turn()
  }
  const waiting = Array.from({ length: 1000 }, () => add('c'))
  await expect(add('d')).rejects.toBeInstanceOf(BatchQueueFull)
  batches[0]!.end()
  await turn()
  batches[2]!.end()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['C']))
})

test('one client has four places in a batch, so that later clients are sent before the rest of its flood [R14]', async () => {
  const { add, batches, sent } = startLine({ underWay: 1 })
  void add('-')
  await turn()
  for (let n = 0; n < 10; n += 1) void add('f', 'flood')
  void add('x', 'another')
  void add('y', 'a third')
  void add('w')
  for (let at = 0; at < 4; at += 1) {
    await turn()
    batches[at]!.end()
  }
  expect(sent()).toEqual(['-', 'ffffxyw', 'ffff', 'ff'])
})

test('a batch that fails, fails each of its entries and no others [R14]', async () => {
  const { add, batches } = startLine({ size: 2 })
  const results = ['a', 'b', 'c'].map((entry) => add(entry))
  await turn()
  batches[0]!.fail(new Error('lost'))
  batches[1]!.end()
  const settled = await Promise.allSettled(results)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})

import { describe, expect, test } from 'vitest'
import { createFairQueue, type QueueBounds } from './fair-queue'

const wide: QueueBounds = { working: 1, workingPerClient: 1, waiting: 1_000, waitingPerClient: 1_000 }

function queueOf(bounds: Partial<QueueBounds> = {}) {
  const queue = createFairQueue({ ...wide, ...bounds })
  const begun: string[] = []
  const rejected: string[] = []
  const leave = new Map<string, () => void>()
  const enter = (client: string, name: string) => {
    const left = queue.enter(client, {
      begin: () => void begun.push(name),
      reject: () => void rejected.push(name),
    })
    if (left === undefined) rejected.push(name)
    else leave.set(name, left)
  }
  const enterMany = (client: string, count: number) => {
    for (let n = 1; n <= count; n += 1) enter(client, `${client}${n}`)
  }
  const beginAll = () => {
    while (queue.beginNext());
  }
  const finishAll = () => {
    beginAll()
    for (const name of begun) {
      leave.get(name)!()
      beginAll()
    }
  }
  return {
    ...queue,
    begun,
    rejected,
    enter,
    enterMany,
    leave: (name: string) => leave.get(name)!(),
    beginAll,
    finishAll,
  }
}

describe('the order of requests [R9]', () => {
  test('a client waits for one request of another client, even if that one has hundreds waiting [R9]', () => {
    const { enterMany, enter, finishAll, begun } = queueOf()
    enterMany('a', 500)
    enter('b', 'b1')
    finishAll()
    expect(begun.slice(0, 3)).toEqual(['a1', 'b1', 'a2'])
    expect(begun).toHaveLength(501)
  })

  test('no client gets two turns in a row while others wait [R9]', () => {
    const { enterMany, finishAll, begun } = queueOf()
    enterMany('a', 6)
    enterMany('b', 2)
    enterMany('c', 3)
    finishAll()
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'c3', 'a4', 'a5', 'a6'])
  })

  test('requests in progress stay within the limits in total and per client [R9]', () => {
    const { enterMany, enter, beginAll, begun, counts } = queueOf({ working: 3, workingPerClient: 2 })
    enterMany('a', 9)
    beginAll()
    expect(begun).toEqual(['a1', 'a2'])
    enter('b', 'b1')
    enter('b', 'b2')
    beginAll()
    expect(begun).toEqual(['a1', 'a2', 'b1'])
    expect(counts()).toEqual({ working: 3, waiting: 8, clients: 2 })
  })

  test('a request that leaves while it waits is never begun and no longer counts [R9]', () => {
    const { enterMany, leave, finishAll, begun, counts } = queueOf()
    enterMany('a', 4)
    leave('a2')
    leave('a2')
    leave('a4')
    expect(counts().waiting).toBe(2)
    finishAll()
    expect(begun).toEqual(['a1', 'a3'])
  })

  test('a request that leaves twice frees only one place [R9]', () => {
    const { enterMany, leave, beginAll, begun, counts } = queueOf()
    enterMany('a', 3)
    beginAll()
    leave('a1')
    leave('a1')
    beginAll()
    expect([begun, counts().working]).toEqual([['a1', 'a2'], 1])
  })
})

describe('rejected requests [R9]', () => {
  test('a client beyond its limit of waiting requests is rejected, and another client is not [R9]', () => {
    const { enterMany, enter, rejected } = queueOf({ waitingPerClient: 3 })
    enterMany('a', 5)
    enter('b', 'b1')
    expect(rejected).toEqual(['a4', 'a5'])
  })

  test('a full queue accepts a new client, and rejects the last request of the client with the most [R9]', () => {
    const { enterMany, enter, rejected, finishAll, begun } = queueOf({ waiting: 6 })
    enterMany('a', 4)
    enterMany('b', 2)
    enter('c', 'c1')
    expect(rejected).toEqual(['a4'])
    enter('a', 'a5')
    expect(rejected).toEqual(['a4', 'a5'])
    finishAll()
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
  })

  test('a full queue with one request of each client rejects a new client [R9]', () => {
    const { enter, rejected } = queueOf({ waiting: 3 })
    for (const client of ['a', 'b', 'c', 'd']) enter(client, client)
    expect(rejected).toEqual(['d'])
  })

  test('a request that was rejected in favour of another client frees no place when it leaves [R9]', () => {
    const { enterMany, enter, leave, counts } = queueOf({ waiting: 2 })
    enterMany('a', 2)
    enter('b', 'b1')
    leave('a2')
    expect(counts()).toEqual({ working: 0, waiting: 2, clients: 2 })
  })
})

test('the queue keeps its limits, begins or rejects each request once, and forgets its clients, whatever the order [R9]', () => {
  const bounds = { working: 4, workingPerClient: 2, waiting: 12, waitingPerClient: 5 }
  const { enter, leave, beginNext, begun, rejected, counts } = queueOf(bounds)
  let seed = 7
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const present: string[] = []
  let left = 0
  for (let n = 0; n < 20_000; n += 1) {
    if (random(3) > 0) {
      const before = rejected.length
      enter(`client ${random(9)}`, String(n))
      if (rejected.length === before || rejected.at(-1) !== String(n)) present.push(String(n))
    } else if (present.length > 0) {
      const [name] = present.splice(random(present.length), 1)
      if (!begun.includes(name!) && !rejected.includes(name!)) left += 1
      leave(name!)
    }
    beginNext()
    const now = counts()
    expect(now.working <= bounds.working && now.waiting <= bounds.waiting).toBe(true)
  }
  expect(begun.length).toBeGreaterThan(1_000)
  expect(rejected.length).toBeGreaterThan(1_000)
  expect(new Set([...begun, ...rejected]).size).toBe(begun.length + rejected.length)
  expect(left).toBeGreaterThan(100)
  while (present.length > 0) leave(present.pop()!)
  expect(counts()).toEqual({ working: 0, waiting: 0, clients: 0 })
})

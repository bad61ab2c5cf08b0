import { describe, expect, test } from 'vitest'
import { createFairQueue, type QueueBounds } from './fair-queue'

const wide: QueueBounds = { working: 1, workingPerClient: 1, waiting: 1_000, waitingPerClient: 1_000 }

/** A queue whose requests have names, and what became of them. */
function queueOf(bounds: Partial<QueueBounds> = {}) {
  const queue = createFairQueue({ ...wide, ...bounds })
  const begun: string[] = []
  const refused: string[] = []
  const leave = new Map<string, () => void>()
  const enter = (client: string, name: string) => {
    const left = queue.enter(client, {
      begin: () => void begun.push(name),
      reject: () => void refused.push(name),
    })
    if (left === undefined) refused.push(name)
    else leave.set(name, left)
  }
  const enterMany = (client: string, count: number) => {
    for (let n = 1; n <= count; n += 1) enter(client, `${client}${n}`)
  }
  const beginAll = () => {
    while (queue.beginNext());
  }
  /** Ends what is in progress, and begins what may begin then, until nothing waits. */
  const workOff = () => {
    beginAll()
    for (const name of begun) {
      leave.get(name)!()
      beginAll()
    }
  }
  return {
    ...queue,
    begun,
    refused,
    enter,
    enterMany,
    leave: (name: string) => leave.get(name)!(),
    beginAll,
    workOff,
  }
}

describe('whose turn it is [R9]', () => {
  test('after hundreds of one client, another client waits for one request [R9]', () => {
    const { enterMany, enter, workOff, begun } = queueOf()
    enterMany('a', 500)
    enter('b', 'b1')
    workOff()
    expect(begun.slice(0, 3)).toEqual(['a1', 'b1', 'a2'])
    expect(begun).toHaveLength(501)
  })

  test('a client that sends more and more never gets two turns in a row while others wait [R9]', () => {
    const { enterMany, workOff, begun } = queueOf()
    enterMany('a', 6)
    enterMany('b', 2)
    enterMany('c', 3)
    workOff()
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'c3', 'a4', 'a5', 'a6'])
  })

  test('no more are in progress than the bounds say, and a client alone leaves room for another [R9]', () => {
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

  test('what leaves while it waits is never begun, and does not count any more [R9]', () => {
    const { enterMany, leave, workOff, begun, counts } = queueOf()
    enterMany('a', 4)
    leave('a2')
    leave('a2')
    leave('a4')
    expect(counts().waiting).toBe(2)
    workOff()
    expect(begun).toEqual(['a1', 'a3'])
  })

  test('leaving twice frees one place [R9]', () => {
    const { enterMany, leave, beginAll, begun, counts } = queueOf()
    enterMany('a', 3)
    beginAll()
    leave('a1')
    leave('a1')
    beginAll()
    expect([begun, counts().working]).toEqual([['a1', 'a2'], 1])
  })
})

describe('who is refused [R9]', () => {
  test('a client has so many waiting and no more [R9]', () => {
    const { enterMany, enter, refused } = queueOf({ waitingPerClient: 3 })
    enterMany('a', 5)
    enter('b', 'b1')
    expect(refused).toEqual(['a4', 'a5'])
  })

  test('a full queue takes a new client, and refuses the last of the client that has most [R9]', () => {
    const { enterMany, enter, refused, workOff, begun } = queueOf({ waiting: 6 })
    enterMany('a', 4)
    enterMany('b', 2)
    enter('c', 'c1')
    expect(refused).toEqual(['a4'])
    enter('a', 'a5')
    expect(refused).toEqual(['a4', 'a5'])
    workOff()
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
  })

  test('where each place is another client’s, a new one is refused [R9]', () => {
    const { enter, refused } = queueOf({ waiting: 3 })
    for (const client of ['a', 'b', 'c', 'd']) enter(client, client)
    expect(refused).toEqual(['d'])
  })

  test('who was refused for another frees nothing by leaving [R9]', () => {
    const { enterMany, enter, leave, counts } = queueOf({ waiting: 2 })
    enterMany('a', 2)
    enter('b', 'b1')
    leave('a2')
    expect(counts()).toEqual({ working: 0, waiting: 2, clients: 2 })
  })
})

test('whatever comes and goes, the bounds hold, all is begun or refused once, and no client is remembered [R9]', () => {
  const bounds = { working: 4, workingPerClient: 2, waiting: 12, waitingPerClient: 5 }
  const { enter, leave, beginNext, begun, refused, counts } = queueOf(bounds)
  let seed = 7
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const present: string[] = []
  let left = 0
  for (let n = 0; n < 20_000; n += 1) {
    if (random(3) > 0) {
      const before = refused.length
      enter(`client ${random(9)}`, String(n))
      if (refused.length === before || refused.at(-1) !== String(n)) present.push(String(n))
    } else if (present.length > 0) {
      const [name] = present.splice(random(present.length), 1)
      if (!begun.includes(name!) && !refused.includes(name!)) left += 1
      leave(name!)
    }
    beginNext()
    const now = counts()
    expect(now.working <= bounds.working && now.waiting <= bounds.waiting).toBe(true)
  }
  expect(begun.length).toBeGreaterThan(1_000)
  expect(refused.length).toBeGreaterThan(1_000)
  expect(new Set([...begun, ...refused]).size).toBe(begun.length + refused.length)
  expect(left).toBeGreaterThan(100)
  while (present.length > 0) leave(present.pop()!)
  expect(counts()).toEqual({ working: 0, waiting: 0, clients: 0 })
})

/** Numbers of requests: in progress and waiting, of all clients together and per client. */
export type QueueBounds = {
  working: number
  workingPerClient: number
  waiting: number
  waitingPerClient: number
}

/** The queue calls one of these functions once, or neither if the request leaves first. */
type QueuedRequest = {
  begin(): void
  /** Called to make room in a full queue for a client that has fewer requests waiting. */
  reject(): void
}

type Client = { key: string; working: number; waiting: Set<QueuedRequest> }

/**
 * Creates a queue in which clients take turns. A client with `workingPerClient` requests in progress misses its turn, so that requests
 * that never end leave room for other clients. A full queue makes room, so that a client that fills it keeps no other client out.
 */
export function createFairQueue(bounds: QueueBounds) {
  const clients = new Map<string, Client>()
  /** Clients with waiting requests, in the order of their turns. */
  const turns = new Set<Client>()
  let working = 0
  let waiting = 0

  /** @returns a function to call when the request ended or its client disconnected; undefined if too many requests wait */
  function enter(key: string, request: QueuedRequest): (() => void) | undefined {
    const client = clients.get(key) ?? { key, working: 0, waiting: new Set() }
    if (client.waiting.size >= bounds.waitingPerClient) return undefined
    if (waiting >= bounds.waiting && !makeRoomFor(client)) return undefined
    let begun = false
    const entry: QueuedRequest = {
      begin: () => {
        begun = true
        request.begin()
      },
      reject: request.reject,
    }
    clients.set(key, client)
    client.waiting.add(entry)
    turns.add(client)
    waiting += 1
    return () => {
      if (begun) {
        begun = false
        client.working -= 1
        working -= 1
      } else stopWaiting(client, entry)
      forgetIfIdle(client)
    }
  }

  /** Begins the next request. @returns false if none may begin */
  function beginNext(): boolean {
    const client =
      working < bounds.working
        ? turns.values().find((one) => one.working < bounds.workingPerClient)
        : undefined
    if (client === undefined) return false
    const entry = client.waiting.values().next().value!
    turns.delete(client)
    turns.add(client)
    stopWaiting(client, entry)
    client.working += 1
    working += 1
    entry.begin()
    return true
  }

  /** Rejects the newest request of the client with the most waiting requests, if it has at least two more than `client`. */
  function makeRoomFor(client: Client): boolean {
    let longest = client
    for (const one of turns) if (one.waiting.size > longest.waiting.size) longest = one
    if (longest.waiting.size <= client.waiting.size + 1) return false
    const last = [...longest.waiting].at(-1)!
    stopWaiting(longest, last)
    last.reject()
    return true
  }

  function stopWaiting(client: Client, entry: QueuedRequest): void {
    if (!client.waiting.delete(entry)) return
    waiting -= 1
    if (client.waiting.size === 0) turns.delete(client)
  }

  function forgetIfIdle(client: Client): void {
    if (client.working === 0 && client.waiting.size === 0) clients.delete(client.key)
  }

  return { enter, beginNext, counts: () => ({ working, waiting, clients: clients.size }) }
}

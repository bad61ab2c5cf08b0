/** The limits of a queue, in numbers of requests. */
export type QueueBounds = {
  /** In progress at once, of all clients together. */
  working: number
  workingPerClient: number
  waiting: number
  waitingPerClient: number
}

/** A request that `enter` accepted. The queue then calls `begin` or `reject` once, or neither if the request leaves first. */
export type QueuedRequest = {
  begin(): void
  /** Ends the request, to make room in a full queue for a client that has fewer requests waiting. */
  reject(): void
}

type Client = { key: string; working: number; waiting: Set<QueuedRequest> }

export type FairQueue = ReturnType<typeof createFairQueue>

/**
 * A queue of requests that clients use in turn: however many requests one client has waiting, another client's next request
 * begins after at most one of them. A client that has as many in progress as it may misses its turn, so that requests that
 * never end leave room for others.
 *
 * A full queue rejects the last request of the client with the most waiting for a client that has fewer, so that no client fills it
 * alone.
 */
export function createFairQueue(bounds: QueueBounds) {
  const clients = new Map<string, Client>()
  /** Clients with requests that wait; the first one is next. */
  const turns = new Set<Client>()
  let working = 0
  let waiting = 0

  /**
   * Lets a request wait. It never begins at once: `beginNext` does that.
   *
   * @returns a function to call when the request ended or its client disconnected; undefined if there is no room; `reject` is not called then
   */
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

  /**
   * Begins the request whose turn it is.
   *
   * @returns false if nothing waits, or the bounds allow no more for now
   */
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

  /** Rejects the last request of the client with the most waiting, if it has at least two more than this client. */
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

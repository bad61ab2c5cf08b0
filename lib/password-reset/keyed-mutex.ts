/** Creates a function that runs work with the same key one at a time, in the order of the calls, within this process. */
export function createKeyedMutex() {
  const lastOf = new Map<string, Promise<unknown>>()

  /** @param work receives whether it had to wait: if so, what the caller read before may be outdated */
  return async function oneByOne<Result>(
    key: string,
    work: (waited: boolean) => Promise<Result>,
  ): Promise<Result> {
    const before = lastOf.get(key)
    const mine = before === undefined ? work(false) : before.then(() => work(true))
    const ended = mine.catch(() => undefined)
    lastOf.set(key, ended)
    await ended
    if (lastOf.get(key) === ended) lastOf.delete(key)
    return mine
  }
}

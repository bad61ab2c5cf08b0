/** Runs work with the same key one after the other, in the order of the calls. Each process counts for itself. */
export function createKeyedMutex() {
  const lastOf = new Map<string, Promise<unknown>>()

  /**
   * Runs `work` after all earlier work with this key has ended, well or not.
   *
   * @param work is told whether it had to wait, so that what it knew before may be out of date
   */
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

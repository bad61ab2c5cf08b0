import { AsyncLocalStorage } from 'node:async_hooks'

const requestIds = new AsyncLocalStorage<string>()

/** Runs what handles a request, so that whatever is logged on its behalf can name it. */
export function inRequest<Result>(requestId: string, handle: () => Result): Result {
  return requestIds.run(requestId, handle)
}

/** The id of the request that the running code works for; undefined outside of one. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore()
}

import { AsyncLocalStorage } from 'node:async_hooks'

const requestIds = new AsyncLocalStorage<string>()

/** Runs the handler of a request, so that its log lines can contain the request's id. */
export function runInRequestContext<Result>(requestId: string, handle: () => Result): Result {
  return requestIds.run(requestId, handle)
}

/** Returns the id of the current request; undefined outside of one. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore()
}

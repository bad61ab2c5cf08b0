/** Bodies that the server in front of Next received. Reading a stream would take more time. */
const received = new WeakMap<Request, Uint8Array>()

/** `body` may be incomplete only if its length or the Content-Length exceeds `maxBodyBytes`. */
export function attachReceivedBody(request: Request, body: Uint8Array): void {
  received.set(request, body)
}

/** If undefined, the body is empty or must be read as a stream. */
export function receivedBody(request: Request): Uint8Array | undefined {
  return received.get(request)
}

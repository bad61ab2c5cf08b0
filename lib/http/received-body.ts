/** The bodies that the server in front has received, by request. A stream for each would cost more than the rest of a handler. */
const received = new WeakMap<Request, Uint8Array>()

/** Keeps the bytes of a body for {@link receivedBody}; of a body that is too large, at least more than a handler reads. */
export function attachReceivedBody(request: Request, body: Uint8Array): void {
  received.set(request, body)
}

/** Returns the body that the server in front has received; undefined if there is none. */
export function receivedBody(request: Request): Uint8Array | undefined {
  return received.get(request)
}

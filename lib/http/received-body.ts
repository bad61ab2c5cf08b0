/** The body of each request, as the server in front of Next received it. Handlers read it here, because a stream takes more time. */
const received = new WeakMap<Request, Uint8Array>()

/**
 * Attaches the bytes of a body, which the server in front of Next has received, to its request for {@link receivedBody}. The bytes may
 * be incomplete only if their number or the Content-Length exceeds `maxBodyBytes`.
 */
export function attachReceivedBody(request: Request, body: Uint8Array): void {
  received.set(request, body)
}

/** Returns the bytes that were attached to a request. If undefined, the body is empty or must be read as a stream. */
export function receivedBody(request: Request): Uint8Array | undefined {
  return received.get(request)
}

/** Received bodies by request. Passing each body as a stream would take longer than the rest of the handler. */
const received = new WeakMap<Request, Uint8Array>()

/**
 * Attaches the bytes of a body, which the server in front of Next has received, to its request for {@link receivedBody}. If the body is
 * larger than `maxBodyBytes`, the bytes may be incomplete; their number or the Content-Length still shows that it is too large.
 */
export function attachReceivedBody(request: Request, body: Uint8Array): void {
  received.set(request, body)
}

/** Returns the bytes that were attached to a request; undefined if none were, so that its body must be read as a stream. */
export function receivedBody(request: Request): Uint8Array | undefined {
  return received.get(request)
}

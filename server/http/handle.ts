import type { IncomingMessage, ServerResponse } from 'node:http'

/** Handles an HTTP request, and ends its response. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

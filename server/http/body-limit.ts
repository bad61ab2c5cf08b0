import type { IncomingMessage, ServerResponse } from 'node:http'
import { maxBodyBytes } from '@/lib/http/guards'

/**
 * Closes the connection of a request if more than `ceiling` bytes of its body arrive before its response begins (requirement I3).
 *
 * @returns a promise that resolves when the body has arrived or is known to exceed `maxBodyBytes`; never settles if the connection
 *   closes before
 */
export function limitBody(
  request: IncomingMessage,
  response: ServerResponse,
  ceiling: number,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const push = request.push.bind(request)
  let received = 0
  request.push = (chunk: Buffer | null, encoding) => {
    received += chunk?.length ?? 0
    if (chunk === null || received > maxBodyBytes) resolve()
    if (received <= ceiling || response.headersSent) return push(chunk, encoding)
    request.socket.destroy()
    return false
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) resolve()
  return promise
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { attachReceivedBody } from '@/lib/http/received-body'
import { withoutBasePath } from './base-path'

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/** A route handler, as Next calls it: a function for each method. */
export type MethodHandlers = Readonly<Record<string, (request: Request) => Response | Promise<Response>>>

/**
 * Calls the handlers of the endpoints directly instead of through Next, whose routing, rendering and streams cost several times
 * what the handlers do. Call it with a request whose body the front has received.
 *
 * @param routes by path, without a trailing slash; both spellings of a path are served
 * @param handle takes everything else: other paths, and methods that a route does not export
 */
export function serveEndpoints(
  routes: ReadonlyMap<string, MethodHandlers>,
  { publicOrigin, basePath }: { publicOrigin: string; basePath: string },
  handle: Handle,
): Handle {
  return async (request, response) => {
    const { url = '/', method = '' } = request
    const path = withoutBasePath(url, basePath)?.split('?', 1)[0]?.replace(/\/$/, '')
    const route = path === undefined ? undefined : routes.get(path)
    const endpoint = route !== undefined && Object.hasOwn(route, method) ? route[method] : undefined
    if (endpoint === undefined) return handle(request, response)
    await sendResponse(response, await endpoint(toRequest(request, `${publicOrigin}${url}`)))
  }
}

function toRequest(request: IncomingMessage, url: string): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    for (const one of [value ?? []].flat()) headers.append(name, one)
  const converted = new Request(url, { method: request.method ?? 'GET', headers })
  const received = request.read() as Buffer | null
  if (received !== null) attachReceivedBody(converted, received)
  return converted
}

async function sendResponse(response: ServerResponse, { status, headers, body }: Response): Promise<void> {
  response.statusCode = status
  for (const [name, value] of headers) response.appendHeader(name, value)
  response.end(body === null ? undefined : Buffer.from(await new Response(body).arrayBuffer()))
}

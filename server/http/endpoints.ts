import type { IncomingMessage, ServerResponse } from 'node:http'
import { attachReceivedBody } from '@/lib/http/received-body'
import { withoutBasePath } from './base-path'
import type { Handle } from './handle'

/** The functions that a `route.ts` exports, by HTTP method. */
export type MethodHandlers = Readonly<Record<string, (request: Request) => Response | Promise<Response>>>

/**
 * Creates a handler that calls the endpoints without Next, which would need several times the processor time. Only bytes of the body
 * that have arrived before are passed on.
 *
 * @param routes by path without the path of PUBLIC_URL and without a trailing slash
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

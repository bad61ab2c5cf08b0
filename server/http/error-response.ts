import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { securityHeaders, type HeaderRules } from './response-headers'
import { withoutBasePath } from './base-path'
import { methodNotAllowedResponse, notFoundResponse, type ErrorResponse } from './request-filter'

/** Sends an error response as JSON; without a body if it has no detail. */
export function sendError(response: ServerResponse, { status, detail, headers = {} }: ErrorResponse): void {
  if (detail === undefined) return void response.writeHead(status, headers).end()
  const body = JSON.stringify({ detail })
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}

/** Writes an error response to a connection without a response object, and closes the connection within `lingerTime`. */
export function closeWithError(
  socket: Duplex,
  { status, detail, headers = {} }: ErrorResponse,
  rules: Pick<HeaderRules, 'publicOrigin' | 'hsts' | 'lingerTime'>,
) {
  const body = detail === undefined ? '' : JSON.stringify({ detail })
  const lines = [
    ...securityHeaders(rules),
    ...Object.entries(headers).filter(([name]) => name !== 'Connection'),
    ...(detail === undefined ? [] : [['Content-Type', 'application/json']]),
    ['Content-Length', Buffer.byteLength(body)],
    ['Date', new Date().toUTCString()],
    ['Connection', 'close'],
  ]
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), rules.lingerTime)
  socket.once('close', () => clearTimeout(timer))
  return socket.resume()
}

/**
 * Chooses the response to an error of Node's parser. The request may be HEAD, whose client would read a body as the next response
 * (RFC 9112 §6.3), so the response has a body only if the parser rejected the method.
 */
export function parserErrorResponse(
  error: Error & { code?: string; rawPacket?: Buffer },
  basePath: string,
): ErrorResponse {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431 }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413 }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408 }
    case 'HPE_INVALID_METHOD': {
      // Only at the start of the packet, because later bytes may be part of a body.
      const start = error.rawPacket?.toString('latin1', 0, 2048) ?? ''
      const [, method, path] = /^([A-Z][A-Z0-9_-]{0,31}) (\/\S*) HTTP\/1\.[01]\r?\n/.exec(start) ?? []
      if (method === undefined || path === undefined) break
      const inner = withoutBasePath(path, basePath)
      return inner === undefined ? notFoundResponse : methodNotAllowedResponse(method, inner)
    }
  }
  return { status: 400 }
}

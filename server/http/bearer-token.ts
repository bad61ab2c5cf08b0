import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ErrorResponse } from './request-filter'

export const unauthorizedResponse: ErrorResponse = {
  status: 401,
  detail: 'A bearer token is needed.',
  headers: { 'WWW-Authenticate': 'Bearer' },
}

/** Whether a request has this token. Compares digests in constant time, so that response times do not reveal the token. */
export function hasToken({ headers }: Pick<IncomingMessage, 'headers'>, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

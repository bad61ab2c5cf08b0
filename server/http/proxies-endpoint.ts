import { hkdfSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hasToken } from './bearer-token'
import { sendJson } from './json-response'

/** The path at which `npm run doctor` learns how many proxies its own request passed; 404 without the doctor's token. */
export const proxiesPath = '/api/health/proxies'

/** The header in which the front server passes the number of addresses in X-Forwarded-For. */
export const forwardedCountHeader = 'x-rekey-forwarded-count'

export function doctorToken(secret: string): string {
  return Buffer.from(hkdfSync('sha256', secret, 'rekey', 'doctor token v1', 32)).toString('base64url')
}

/** Whether a request has the doctor's token of one of these secrets. */
export function isFromDoctor(request: Pick<IncomingMessage, 'headers'>, secrets: readonly string[]): boolean {
  return secrets.some((secret) => hasToken(request, doctorToken(secret)))
}

export function sendProxyCount(
  request: IncomingMessage,
  response: ServerResponse,
  trustedProxyHops: number,
): void {
  const forwarded = Number(request.headers[forwardedCountHeader] ?? 0)
  sendJson(response, 200, { forwarded, trustedProxyHops })
}

import { hkdfSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hasToken } from './bearer-token'
import { sendJson } from './json-response'

/** The path at which `npm run doctor` learns how many proxies its own request passed. Without the doctor's token the response is 404. */
export const proxiesPath = '/api/health/proxies'

/** The header in which the front server passes the number of addresses in X-Forwarded-For. */
export const forwardedCountHeader = 'x-rekey-forwarded-count'

/** Derives the token of `npm run doctor` from SECRET_KEY, which cannot be computed from the token. */
export function doctorToken(secret: string): string {
  return Buffer.from(hkdfSync('sha256', secret, 'rekey', 'doctor token v1', 32)).toString('base64url')
}

/** Whether a request has the doctor's token, derived from one of these secrets: SECRET_KEY and SECRET_KEY_FALLBACKS. */
export function isFromDoctor(request: Pick<IncomingMessage, 'headers'>, secrets: readonly string[]): boolean {
  return secrets.some((secret) => hasToken(request, doctorToken(secret)))
}

/** Responds with the number of addresses in X-Forwarded-For and the number of trusted proxies. */
export function sendProxyCount(
  request: IncomingMessage,
  response: ServerResponse,
  trustedProxyHops: number,
): void {
  const forwarded = Number(request.headers[forwardedCountHeader] ?? 0)
  sendJson(response, 200, { forwarded, trustedProxyHops })
}

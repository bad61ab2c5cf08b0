import { hkdfSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hasToken } from './bearer-token'
import { sendJson } from './json-response'

/** The path at which `npm run doctor` asks how its own request arrived. Without its token it responds 404, as if it were not there. */
export const proxiesPath = '/api/health/proxies'

/** The header in which the front counts the addresses of X-Forwarded-For. */
export const forwardedCountHeader = 'x-rekey-forwarded-count'

/** The token of `npm run doctor`. It is derived from SECRET_KEY, which cannot be computed back from it. */
export function doctorToken(secret: string): string {
  return Buffer.from(hkdfSync('sha256', secret, 'rekey', 'doctor token v1', 32)).toString('base64url')
}

/** Whether a request comes from a doctor with one of the installation's secrets. */
export function isFromDoctor(request: Pick<IncomingMessage, 'headers'>, secrets: readonly string[]): boolean {
  return secrets.some((secret) => hasToken(request, doctorToken(secret)))
}

/** Responds with the number of addresses in X-Forwarded-For and the number of trusted proxies. */
export function serveProxies(
  request: IncomingMessage,
  response: ServerResponse,
  trustedProxyHops: number,
): void {
  const forwarded = Number(request.headers[forwardedCountHeader] ?? 0)
  sendJson(response, 200, { forwarded, trustedProxyHops })
}

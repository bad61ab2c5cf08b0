import type { IncomingMessage } from 'node:http'

/**
 * The client's headers that reach the app. Next trusts many others, such as `x-middleware-subrequest`, `next-action` and a
 * Content-Security-Policy with a nonce (CVE-2025-29927, CVE-2026-44581), and a deny-list would miss spellings such as `X_Forwarded_Host`.
 */
const known = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'access-control-request-headers',
  'access-control-request-method',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'if-modified-since',
  'if-none-match',
  'origin',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-fetch-user',
  'transfer-encoding',
  'user-agent',
])

/** Further headers for Next's dev server: its code in the browser requests partial pages and keeps a WebSocket open. */
const knownInDev =
  /^(rsc|next-(router|hmr|url|request).*|x-nextjs-.*|sec-websocket-.*|upgrade|cache-control|referer)$/

/** Headers with which a proxy names the client and the original request. */
const forwarding =
  /^(forwarded|x[-_](forwarded|original|rewrite|real|client|cluster|envoy)\b.*|x[-_](forwarded|real|client)_.*|(cf|fastly|true|fly)[-_](connecting|client)[-_]ip)$/

/** Whether the request seems to come through a proxy. Call it before `keepKnownHeaders`. */
export function hasForwardingHeaders(request: IncomingMessage): boolean {
  return Object.keys(request.headers).some((name) => forwarding.test(name))
}

/** Drops the client's headers that are not on the allow-list and, outside of dev, the cookies of `nextCookies`. */
export function keepKnownHeaders(request: IncomingMessage, dev: boolean): void {
  const passes = (name: string) => known.has(name) || (dev && knownInDev.test(name))
  // Node derives `headers` and `headersDistinct` from the raw lines on first use: read them before the raw lines change.
  const { headers, headersDistinct, rawHeaders } = request
  for (const name of Object.keys(headers)) if (!passes(name)) delete headers[name]
  for (const name of Object.keys(headersDistinct)) if (!passes(name)) delete headersDistinct[name]
  request.rawHeaders = rawHeaders.filter((_, at) => passes(rawHeaders[at - (at % 2)]!.toLowerCase()))
  if (headers.cookie !== undefined && !dev) keepCookies(request)
}

/**
 * Matches the names of cookies that Next may read, such as `__prerender_bypass`, which enables Next's preview. The cookies
 * `next-auth.…` are a team's own: Auth.js signs people in with them.
 */
const nextCookies = /^(__prerender|_*next[_-](?!auth\.))/i

function keepCookies(request: IncomingMessage): void {
  const sent = request.headers.cookie ?? ''
  const kept = sent
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => !nextCookies.test(cookie))
    .join('; ')
  if (kept === sent) return
  request.rawHeaders = request.rawHeaders.filter(
    (_, at, lines) => lines[at - (at % 2)]!.toLowerCase() !== 'cookie',
  )
  delete request.headers.cookie
  delete request.headersDistinct.cookie
  if (kept !== '') setRequestHeader(request, 'cookie', kept)
}

/** Adds a header to all three views that Node offers of a request's headers. */
export function setRequestHeader(request: IncomingMessage, name: string, value: string): void {
  request.headers[name] = value
  request.headersDistinct[name] = [value]
  request.rawHeaders.push(name, value)
}

import type { IncomingMessage } from 'node:http'

/**
 * The request headers that reach the app. All others are dropped, because Next believes many (`x-middleware-subrequest`,
 * `next-action`, `x-forwarded-*`, a Content-Security-Policy with a nonce: CVE-2025-29927, CVE-2026-44581), more with
 * every release, and in spellings that a list of bad names would miss (`X_Forwarded_Host`).
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

/** What Next's dev server needs besides: its client asks for fragments of pages and keeps a web socket open. */
const knownInDev =
  /^(rsc|next-(router|hmr|url|request).*|x-nextjs-.*|sec-websocket-.*|upgrade|cache-control|referer)$/

/** Headers with which a proxy, or somebody pretending to be one, says who asks and for what. */
const forwarding =
  /^(forwarded|x[-_](forwarded|original|rewrite|real|client|cluster|envoy)\b.*|x[-_](forwarded|real|client)_.*|(cf|fastly|true|fly)[-_](connecting|client)[-_]ip)$/

/** Whether a proxy seems to stand in front: asked before the headers are dropped. */
export function hasForwardingHeaders(request: IncomingMessage): boolean {
  return Object.keys(request.headers).some((name) => forwarding.test(name))
}

/** Drops what the app must not see, in all three views that Node gives of a request's headers. */
export function keepKnownHeaders(request: IncomingMessage, dev: boolean): void {
  const passes = (name: string) => known.has(name) || (dev && knownInDev.test(name))
  // Node derives these two from the raw lines on first use: both must exist before the lines go.
  const { headers, headersDistinct, rawHeaders } = request
  for (const name of Object.keys(headers)) if (!passes(name)) delete headers[name]
  for (const name of Object.keys(headersDistinct)) if (!passes(name)) delete headersDistinct[name]
  request.rawHeaders = rawHeaders.filter((_, at) => passes(rawHeaders[at - (at % 2)]!.toLowerCase()))
  if (headers.cookie !== undefined && !dev) keepCookies(request)
}

/**
 * The cookies that Next acts on: `__prerender_bypass` and `__next_preview_data` make it answer with cookies that unset them,
 * or switch its preview on; `NEXT_LOCALE` and `next-…` come with other features.
 */
const ofNext = /^(__prerender|_*next[_-])/i

/** Drops Next's own cookies and keeps all others for functions of a team's own. */
function keepCookies(request: IncomingMessage): void {
  const sent = request.headers.cookie ?? ''
  const kept = sent
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => !ofNext.test(cookie))
    .join('; ')
  if (kept === sent) return
  request.rawHeaders = request.rawHeaders.filter(
    (_, at, lines) => lines[at - (at % 2)]!.toLowerCase() !== 'cookie',
  )
  delete request.headers.cookie
  delete request.headersDistinct.cookie
  if (kept !== '') tellApp(request, 'cookie', kept)
}

/** Tells the app something; comes after `keepKnownHeaders`, so that nobody else can have told it. */
export function tellApp(request: IncomingMessage, name: string, value: string): void {
  request.headers[name] = value
  request.headersDistinct[name] = [value]
  request.rawHeaders.push(name, value)
}

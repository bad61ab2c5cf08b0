import type { IncomingMessage } from 'node:http'
import { isLoopback } from '@/lib/addresses/loopback'

/** The error response to a rejected request. */
export type ErrorResponse = {
  status: number
  /** Absent: the response has no body. */
  detail?: string
  headers?: Record<string, string>
}

/** What decides, besides the request itself, whether the request is rejected. */
export type FilterRules = {
  /** Whether Next's dev server handles the requests. */
  dev: boolean
  /** Whether this is demo or dev, whose mailbox needs no login. */
  local: boolean
  /** If its scheme is `https`, requests that reached a trusted proxy over plain HTTP are rejected. Demo and dev accept its host. */
  publicOrigin: string
  trustedProxyHops: number
  /** Whether the target of the request is outside the path of PUBLIC_URL, and so belongs to another app. */
  outside: boolean
}

/** The response to a path that does not exist. */
export const notFoundResponse: ErrorResponse = { status: 404, detail: 'Not found.' }

const apiMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const pageMethods = new Set(['GET', 'HEAD'])

/** Far more than a browser and its proxies send. Of very many lines, Node silently drops the last ones, which a proxy may have added. */
const maxHeaderLines = 100

/**
 * Far more than a link with the parameters of trackers contains. Next parses a query in quadratic time: the eight thousand
 * parameters that fit into 16 KiB of headers would block the process for seconds, on any path.
 */
const maxParameters = 100

/**
 * Decides by host, target, method and headers which requests the app must not get. The endpoints themselves check the origin, the
 * body, and which methods they support.
 *
 * @returns the error response; undefined if the request may proceed
 */
export function filterRequest(request: IncomingMessage, rules: FilterRules): ErrorResponse | undefined {
  return (
    malformed(request) ??
    rejectForeignHost(request, rules) ??
    webSocket(request) ??
    unknownPath(request, rules) ??
    wrongMethod(request, rules) ??
    rscRequest(request, rules) ??
    plainHttp(request, rules) ??
    encodedBody(request)
  )
}

function malformed({ headersDistinct, rawHeaders, url = '' }: IncomingMessage): ErrorResponse | undefined {
  // Two Host headers enable routing attacks; Node itself rejects an HTTP/1.1 request without one (RFC 9112 §3.2).
  if ((headersDistinct.host?.length ?? 0) > 1) return badRequest('Only one Host header may be given.')
  // An absolute target is for a proxy (CVE-2026-44578), and `*` names no path.
  if (!/^\/[\x21-\x7e]*$/.test(url) || url.includes('#')) return badRequest('Malformed request target.')
  if (rawHeaders.length / 2 > maxHeaderLines) {
    return { status: 431, detail: 'Too many header fields.', headers: { Connection: 'close' } }
  }
  if (url.split('&').length > maxParameters) return { status: 400, detail: 'Too many query parameters.' }
  return undefined
}

/**
 * In demo and dev, rejects hosts other than this machine's loopback names and addresses and the host of PUBLIC_URL. An attacker's
 * site can point its own name at this machine (DNS rebinding); its scripts would then be same-origin with the mailbox and could read
 * the emails.
 */
export function rejectForeignHost(
  { headers: { host } }: IncomingMessage,
  { local, publicOrigin }: Pick<FilterRules, 'local' | 'publicOrigin'>,
): ErrorResponse | undefined {
  if (!local || host === undefined || host === new URL(publicOrigin).host) return undefined
  if (isLoopback(host.replace(/:\d+$/, '').toLowerCase())) return undefined
  return {
    status: 421,
    detail: 'Demo and dev are reached as localhost, or as PUBLIC_URL says.',
    headers: { Connection: 'close' },
  }
}

/**
 * The encoded characters that names of Next's files may contain: `[`, `]`, `{`, `}`, `@`, space, `$`, `(`, `)`, `+`, `,`, `:`, `;`,
 * `=`. Never a slash, a dot or a per cent sign, with which another path could be meant.
 */
const encodedInNames = /%(?:[57][BD]|40|2[0489BC]|3[ABD])/gi

/**
 * Rejects paths outside the path of PUBLIC_URL, paths that are not in normal form, and internal paths of Next. No route has an empty
 * segment, a dot segment or an encoded character, but Next's files may have encoded characters, because Next names them after modules.
 */
function unknownPath(
  { url = '' }: IncomingMessage,
  { dev, outside }: FilterRules,
): ErrorResponse | undefined {
  if (outside) return notFoundResponse
  const path = pathOf(url)
  const isFile = path.startsWith('/_next/static/')
  const plain = isFile ? path.replace(encodedInNames, '') : path
  const spelt = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*\/?$/.test(plain) && !/\/\.{1,2}(?:\/|$)/.test(path)
  // Next's paths for partial pages (`.rsc`, `.segments/`) have bypassed checks more than once.
  const ofPage = /\.rsc$|\.segments\//.test(path)
  // Internal routes of Next, such as `/_global-error`, which responds with 500. In dev, Next's code in the browser needs most of them.
  const closed = /^\/_/.test(path) && !isFile && (!dev || /^\/_next\/(?:image|data)(?:\/|$)/.test(path))
  return spelt && !ofPage && !closed ? undefined : notFoundResponse
}

function wrongMethod(
  { method = '', url = '' }: IncomingMessage,
  { dev }: FilterRules,
): ErrorResponse | undefined {
  const path = pathOf(url)
  // Pages accept no POST, which excludes Server Functions and Flight payloads (CVE-2025-55182).
  const ofDevTools = dev && /^\/(?:__nextjs|_next\/)/.test(path)
  const methods = path.startsWith('/api/v1/') || ofDevTools ? apiMethods : pageMethods
  return methods.has(method) ? undefined : methodNotAllowedResponse(method, path)
}

/** Returns the response 405 to an unsupported method, with the `Allow` header that RFC 9110 §15.5.6 requires. */
export function methodNotAllowedResponse(method: string, path: string): ErrorResponse {
  const allow = path.startsWith('/api/v1/') ? 'POST, OPTIONS' : 'GET, HEAD'
  return { status: 405, detail: `Method "${method}" not allowed.`, headers: { Allow: allow } }
}

/**
 * Outside of dev, rejects requests for partial pages (React Server Components), which Next's code in the browser sends on navigation
 * and prefetch. While HTML is a page's only format, caches cannot confuse it with another (CVE-2026-44581), and less code is reachable.
 * On 204, Next's code loads the whole page, or drops the prefetch. API requests with the headers of such a request pass, because their
 * clients would take 204 for success; `keepKnownHeaders` drops the headers.
 */
function rscRequest({ headers, url = '' }: IncomingMessage, { dev }: FilterRules): ErrorResponse | undefined {
  if (dev || pathOf(url).startsWith('/api/')) return undefined
  const isPartial = headers.rsc !== undefined || headers['next-router-prefetch'] !== undefined
  return isPartial ? { status: 204 } : undefined
}

function plainHttp({ headersDistinct }: IncomingMessage, rules: FilterRules): ErrorResponse | undefined {
  const protocols = headersDistinct['x-forwarded-proto']?.join(',').split(',') ?? []
  const trusted =
    rules.trustedProxyHops > 0 ? (protocols.at(-rules.trustedProxyHops) ?? protocols[0]) : undefined
  // An error, because a redirect would hide that a secret was sent unencrypted (ASVS 4.1.2).
  if (rules.publicOrigin.startsWith('https:') && trusted?.trim().toLowerCase() === 'http') {
    return { status: 403, detail: 'This service is available over HTTPS only.' }
  }
  return undefined
}

/**
 * Rejects WebSocket requests. All other values of `Upgrade` are ignored, as RFC 9110 §7.8 allows: some clients offer HTTP/2 with
 * every request. In dev, requests with `Upgrade` do not come here, because Node emits `upgrade` for them.
 */
function webSocket({ headers }: IncomingMessage): ErrorResponse | undefined {
  return /\bwebsocket\b/i.test(headers.upgrade ?? '')
    ? badRequest('There are no web sockets here.')
    : undefined
}

/** Rejects compressed bodies. Bodies of at most 16 KiB need no compression, and decompressing a bomb could exhaust the memory. */
function encodedBody({ headers }: IncomingMessage): ErrorResponse | undefined {
  const coding = headers['content-encoding'] ?? 'identity'
  const transfer = headers['transfer-encoding'] ?? 'chunked'
  if (/^(identity)?$/i.test(coding.trim()) && /^chunked$/i.test(transfer.trim())) return undefined
  return {
    status: 415,
    detail: 'Compressed request bodies are not supported.',
    headers: { 'Accept-Encoding': 'identity' },
  }
}

function badRequest(detail: string): ErrorResponse {
  return { status: 400, detail, headers: { Connection: 'close' } }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!
}

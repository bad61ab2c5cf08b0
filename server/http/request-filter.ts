import type { IncomingMessage } from 'node:http'
import { isLoopback } from '@/lib/addresses/loopback'

export type ErrorResponse = {
  status: number
  /** Absent: the response has no body. */
  detail?: string
  headers?: Record<string, string>
}

type FilterRules = {
  dev: boolean
  /** Whether this is demo or dev. */
  local: boolean
  publicOrigin: string
  trustedProxyHops: number
  /** Whether the target is outside the path of PUBLIC_URL. */
  outside: boolean
}

export const notFoundResponse: ErrorResponse = { status: 404, detail: 'Not found.' }

const apiMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const pageMethods = new Set(['GET', 'HEAD'])

/** Of very many header lines, Node silently drops the last ones, which a proxy may have added. */
const maxHeaderLines = 100

/** Next parses a query in quadratic time: thousands of parameters would block the process for seconds, on any path. */
const maxParameters = 100

/** Returns the error response to a request that the app must not get; undefined if the request may proceed. */
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
  // Two Host headers enable routing attacks (RFC 9112 §3.2).
  if ((headersDistinct.host?.length ?? 0) > 1) return badRequest('Only one Host header may be given.')
  // An absolute target is for a proxy (CVE-2026-44578), and `*` names no path.
  if (!/^\/[\x21-\x7e]*$/.test(url) || url.includes('#')) return badRequest('Malformed request target.')
  if (rawHeaders.length / 2 > maxHeaderLines) {
    return { status: 431, detail: 'Too many header fields.', headers: { Connection: 'close' } }
  }
  if (url.split('&').length > maxParameters) return { status: 400, detail: 'Too many query parameters.' }
  return undefined
}

/** In demo and dev, rejects foreign hosts: a site that points its name at this machine (DNS rebinding) could read the mailbox. */
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

/** The encoded characters in names of Next's files. With an encoded slash, dot or per cent sign, another path could be meant. */
const encodedInNames = /%(?:[57][BD]|40|2[0489BC]|3[ABD])/gi

/** Rejects paths outside the path of PUBLIC_URL, paths that are not in normal form, and internal paths of Next. */
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
  // In dev, Next's code in the browser needs most internal routes.
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

/** Returns the response 405, with the `Allow` header that RFC 9110 §15.5.6 requires. */
export function methodNotAllowedResponse(method: string, path: string): ErrorResponse {
  const allow = path.startsWith('/api/v1/') ? 'POST, OPTIONS' : 'GET, HEAD'
  return { status: 405, detail: `Method "${method}" not allowed.`, headers: { Allow: allow } }
}

/**
 * Outside of dev, rejects requests of Next's code in the browser for partial pages (React Server Components), so that caches cannot
 * confuse them with HTML (CVE-2026-44581). On 204, that code loads the whole page, or drops a prefetch. API requests pass, because
 * their clients would take 204 for success.
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

/** Rejects WebSockets. Other values of `Upgrade` are ignored (RFC 9110 §7.8): some clients offer HTTP/2 with every request. */
function webSocket({ headers }: IncomingMessage): ErrorResponse | undefined {
  return /\bwebsocket\b/i.test(headers.upgrade ?? '')
    ? badRequest('There are no web sockets here.')
    : undefined
}

/** Rejects compressed bodies, because decompressing a bomb could exhaust the memory. */
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

import type { IncomingMessage } from 'node:http'
import { isLoopback } from '@/lib/addresses/loopback'

/** Why a request goes no further. */
export type Refused = {
  status: number
  /** Without it the answer has no body. */
  detail?: string
  headers?: Record<string, string>
}

export type GateRules = {
  dev: boolean
  /** Demo and dev, whose mailbox is open to whoever reaches it. */
  local: boolean
  /** `https` when the service is reached over HTTPS only. */
  publicOrigin: string
  trustedProxyHops: number
  /** The target is not under the path of PUBLIC_URL, so another app's. */
  outside: boolean
}

export const notFound: Refused = { status: 404, detail: 'Not found.' }

const apiMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const pageMethods = new Set(['GET', 'HEAD'])

/** Far more than a browser and its proxies send. From 2000 on, Node silently forgets lines, the proxy's among them. */
const mostHeaderLines = 100

/**
 * Far more than a link and its trackers carry. Next's reading of a query takes quadratic time: the eight thousand
 * parameters that a request line has room for would keep the process from everybody else for seconds, on any path.
 */
const mostParameters = 100

/**
 * Looks at what every request has in common, before Next sees it. What an endpoint makes of its methods, its origin
 * and its body is the endpoint's business.
 *
 * @returns undefined for a request that may go on
 */
export function refusalOf(request: IncomingMessage, rules: GateRules): Refused | undefined {
  return (
    malformed(request) ??
    misdirected(request, rules) ??
    webSocket(request) ??
    elsewhere(request, rules) ??
    wrongMethod(request, rules) ??
    fragment(request, rules) ??
    plainHttp(request, rules) ??
    encodedBody(request)
  )
}

function malformed({ headersDistinct, rawHeaders, url = '' }: IncomingMessage): Refused | undefined {
  // Two hosts are what routing attacks are made of; that there is one at all, Node looks after (RFC 9112 §3.2).
  if ((headersDistinct.host?.length ?? 0) > 1) return badRequest('Only one Host header may be given.')
  // Absolute targets and `*` are for proxies, and this is none (CVE-2026-44578).
  if (!/^\/[\x21-\x7e]*$/.test(url) || url.includes('#')) return badRequest('Malformed request target.')
  if (rawHeaders.length / 2 > mostHeaderLines) {
    return { status: 431, detail: 'Too many header fields.', headers: { Connection: 'close' } }
  }
  if (url.split('&').length > mostParameters) return { status: 400, detail: 'Too many query parameters.' }
  return undefined
}

/**
 * A page of anybody's may have its own name lead to this machine (DNS rebinding): to the visitor's browser, what answers
 * there is then part of that page, and the letters in the mailbox are its to read.
 */
export function misdirected(
  { headers: { host } }: IncomingMessage,
  { local, publicOrigin }: Pick<GateRules, 'local' | 'publicOrigin'>,
): Refused | undefined {
  if (!local || host === undefined || host === new URL(publicOrigin).host) return undefined
  if (isLoopback(host.replace(/:\d+$/, '').toLowerCase())) return undefined
  return {
    status: 421,
    detail: 'Demo and dev are reached as localhost, or as PUBLIC_URL says.',
    headers: { Connection: 'close' },
  }
}

/** `[`, `]`, `{`, `}`, `@`, space, `$`, `(`, `)`, `+`, `,`, `:`, `;`, `=`; never a slash, a dot or a per cent sign. */
const encodedInNames = /%(?:[57][BD]|40|2[0489BC]|3[ABD])/gi

/**
 * One plain rule for paths: they must be spelt the way they are meant. Nothing here has a path with an empty segment, a
 * dot segment or an encoded character, except that Next names its files after modules.
 */
function elsewhere({ url = '' }: IncomingMessage, { dev, outside }: GateRules): Refused | undefined {
  if (outside) return notFound
  const path = pathOf(url)
  const isFile = path.startsWith('/_next/static/')
  const plain = isFile ? path.replace(encodedInNames, '') : path
  const spelt = /^(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*\/?$/.test(plain) && !/\/\.{1,2}(?:\/|$)/.test(path)
  // Fragments of pages under names of their own (`.rsc`, `.segments/`) have been ways around checks more than once.
  const ofPage = /\.rsc$|\.segments\//.test(path)
  // Next's own pages (`/_global-error`, which says 500 to whoever looks at it) are no addresses of anything.
  const closed = /^\/_/.test(path) && !isFile && (!dev || /^\/_next\/(?:image|data)(?:\/|$)/.test(path))
  return spelt && !ofPage && !closed ? undefined : notFound
}

function wrongMethod({ method = '', url = '' }: IncomingMessage, { dev }: GateRules): Refused | undefined {
  const path = pathOf(url)
  // Pages take no POST, so there is no way to send them a Server Function or a Flight payload (CVE-2025-55182).
  const ofDevTools = dev && /^\/(?:__nextjs|_next\/)/.test(path)
  const methods = path.startsWith('/api/v1/') || ofDevTools ? apiMethods : pageMethods
  return methods.has(method) ? undefined : methodRefused(method, path)
}

/** The answer to a method that nothing here has; `Allow` as RFC 9110 §15.5.6 asks. */
export function methodRefused(method: string, path: string): Refused {
  const allow = path.startsWith('/api/v1/') ? 'POST, OPTIONS' : 'GET, HEAD'
  return { status: 405, detail: `Method "${method}" not allowed.`, headers: { Allow: allow } }
}

/**
 * Next's client asks for fragments of pages when it navigates or prefetches. Pages here link plainly and are sent whole:
 * one representation per URL, nothing for a cache to confuse (CVE-2026-44581), less for a stranger to try. On 204 the
 * client falls back to an ordinary navigation, and drops a prefetch. The API has no fragments, and a 204 would tell a
 * client that its request was done: there these headers have no effect, and do not reach Next.
 */
function fragment({ headers, url = '' }: IncomingMessage, { dev }: GateRules): Refused | undefined {
  if (dev || pathOf(url).startsWith('/api/')) return undefined
  const asked = headers.rsc !== undefined || headers['next-router-prefetch'] !== undefined
  return asked ? { status: 204 } : undefined
}

function plainHttp({ headersDistinct }: IncomingMessage, rules: GateRules): Refused | undefined {
  const told = headersDistinct['x-forwarded-proto']?.join(',').split(',') ?? []
  const trusted = rules.trustedProxyHops > 0 ? (told.at(-rules.trustedProxyHops) ?? told[0]) : undefined
  // A redirect would hide that a secret has just crossed the network in the clear (ASVS 4.1.2).
  if (rules.publicOrigin.startsWith('https:') && trusted?.trim().toLowerCase() === 'http') {
    return { status: 403, detail: 'This service is reached over HTTPS only.' }
  }
  return undefined
}

/**
 * Other upgrades are ignored, as they may be (RFC 9110 §7.8): some clients offer HTTP/2 with every request. One that
 * wants a web socket has nothing to say without it.
 */
function webSocket({ headers }: IncomingMessage): Refused | undefined {
  return /\bwebsocket\b/i.test(headers.upgrade ?? '')
    ? badRequest('There are no web sockets here.')
    : undefined
}

/** Nobody compresses sixteen kilobytes of JSON, except to make a server unpack gigabytes. */
function encodedBody({ headers }: IncomingMessage): Refused | undefined {
  const coding = headers['content-encoding'] ?? 'identity'
  const transfer = headers['transfer-encoding'] ?? 'chunked'
  if (/^(identity)?$/i.test(coding.trim()) && /^chunked$/i.test(transfer.trim())) return undefined
  return {
    status: 415,
    detail: 'Compressed request bodies are not supported.',
    headers: { 'Accept-Encoding': 'identity' },
  }
}

function badRequest(detail: string): Refused {
  return { status: 400, detail, headers: { Connection: 'close' } }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!
}

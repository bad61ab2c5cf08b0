import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { clientIp, clientKey, hasTooFewHops } from '@/lib/addresses/client-ip'
import { runInRequestContext, type Log } from '@/lib/logging/log'
import { count } from '@/lib/metrics/count'
import type { Settings } from '@/lib/config/settings'
import {
  type AdmissionLimits,
  admissionLimits,
  overloadedResponse,
  createAdmissionControl,
  waitForBodyAndPreviousResponse,
} from './admission'
import { pagePolicy } from './content-security-policy'
import { createResponseClass, type HeaderRules, type SecuredResponse } from './response-headers'
import { withoutBasePath } from './base-path'
import { limitBody } from './body-limit'
import { limitConnectionsPerClient } from './connection-cap'
import type { Handle } from './handle'
import { type ClosingTimes, trackConnections } from './graceful-shutdown'
import { methodNotAllowedResponse, rejectForeignHost, filterRequest } from './request-filter'
import { reportRefusedRequest } from '@/lib/logging/refused-requests'
import { reportErrorStatus } from './report-error-status'
import { parserErrorResponse, sendError, closeWithError } from './error-response'
import { forwardedCountHeader } from './proxies-endpoint'
import { hasForwardingHeaders, keepKnownHeaders, setRequestHeader } from './request-headers'

export type FrontSettings = Pick<
  Settings,
  'mode' | 'publicOrigin' | 'basePath' | 'hsts' | 'allowedOrigins' | 'trustedProxyHops'
>

/** Times in milliseconds, sizes in bytes, and numbers of requests and connections. */
export type FrontLimits = ClosingTimes &
  AdmissionLimits & {
    headersTimeout: number
    requestTimeout: number
    /** Longer than load balancers usually keep an idle connection, a minute: closing first could lose a request. */
    keepAliveTimeout: number
    /** How long a connection may be without traffic during a request or its response. */
    idleTimeout: number
    /** How often Node checks `headersTimeout` and `requestTimeout`. */
    checkInterval: number
    /** How long a connection stays half-open after a response to an incomplete request, so that the client can read the response. */
    lingerTime: number
    maxHeaderSize: number
    /** Bytes of a body before the response. Above what handlers accept, so that they can respond with 413. */
    bodyCeiling: number
    /** Pending requests of a connection; one more closes it (RFC 9112 §9.3.2). A single read can contain thousands of requests. */
    pipelined: number
    /** Applies if TRUSTED_PROXY_HOPS is 0. */
    connectionsPerClient: number
  }

export const frontLimits: FrontLimits = {
  ...admissionLimits,
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 75_000,
  idleTimeout: 60_000,
  checkInterval: 2_000,
  lingerTime: 2_000,
  maxHeaderSize: 16 * 1024,
  bodyCeiling: 256 * 1024,
  pipelined: 8,
  connectionsPerClient: 384,
  idleGrace: 1_000,
  drainGrace: 25_000,
}

export type FrontParts = {
  settings: FrontSettings
  log: Log
  handle: Handle
  /** Handles WebSockets of Next's dev server. */
  upgrade?: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined
  limits?: Partial<FrontLimits>
}

/** `server` is not yet listening; `close` lets responses in progress finish, within `drainGrace`. */
type FrontServer = { server: Server; close(): Promise<void> }

/** Creates the HTTP server in front of Next. `handle` gets the requests that pass the request filter and the limits. */
export function createFrontServer({
  settings,
  log,
  handle,
  upgrade,
  limits: given = {},
}: FrontParts): FrontServer {
  const limits = { ...frontLimits, ...given }
  const { publicOrigin, basePath, hsts, allowedOrigins, trustedProxyHops } = settings
  const dev = upgrade !== undefined
  const local = settings.mode !== 'production'
  const rules: HeaderRules = {
    mode: settings.mode,
    publicOrigin,
    basePath,
    hsts,
    allowedOrigins,
    dev,
    lingerTime: limits.lingerTime,
    draining: () => connections.isDraining(),
  }
  const ResponseClass = createResponseClass(rules)
  const { protocol, host } = new URL(publicOrigin)
  let warned = false

  const server = createServer<typeof IncomingMessage, typeof ResponseClass>({
    ServerResponse: ResponseClass,
    insecureHTTPParser: false,
    maxHeaderSize: limits.maxHeaderSize,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkInterval,
  })
  server.timeout = limits.idleTimeout
  if (trustedProxyHops === 0)
    limitConnectionsPerClient(server, {
      perClient: limits.connectionsPerClient,
      isIdle: (socket) => connections.isIdle(socket),
      reject: (socket) => {
        reportRefusedRequest(log, 'busy')
        socket.on('error', () => socket.destroy())
        closeWithError(socket, overloadedResponse, rules)
      },
    })
  const connections = trackConnections(server)
  const admission = createAdmissionControl(limits, () => reportRefusedRequest(log, 'busy'))
  server.on('connection', admission.arrived)

  function warnOnce(request: IncomingMessage): void {
    if (warned) return
    if (trustedProxyHops === 0 && hasForwardingHeaders(request)) {
      warned = true
      log.warn(
        { event: 'forwarding_headers_ignored' },
        'Requests carry forwarding headers, but TRUSTED_PROXY_HOPS is 0: if a proxy stands in front, all its clients count as one.',
      )
    } else if (hasTooFewHops(request.headersDistinct['x-forwarded-for'] ?? [], trustedProxyHops)) {
      warned = true
      log.warn(
        { event: 'forwarding_hops_missing' },
        'X-Forwarded-For names fewer addresses than TRUSTED_PROXY_HOPS: if fewer proxies stand in front, clients count as one, or under an address that they choose.',
      )
    }
  }

  /** Drops the client's headers that are not on the allow-list, then adds headers that the app trusts. */
  function setTrustedHeaders(request: IncomingMessage, response: SecuredResponse, client: string): void {
    const forwarded = request.headersDistinct['x-forwarded-for']?.join(',').split(',').length ?? 0
    keepKnownHeaders(request, dev)
    setRequestHeader(request, 'host', host)
    setRequestHeader(request, 'x-forwarded-proto', protocol.slice(0, -1))
    setRequestHeader(request, 'x-rekey-client', client)
    setRequestHeader(request, 'x-rekey-request-id', response.requestId)
    setRequestHeader(request, forwardedCountHeader, String(forwarded))
    setRequestHeader(request, 'x-nonce', response.nonce)
    // The app checks whether it supports the language.
    const [, language] = /[?&]lang=([A-Za-z-]+)(?:&|$)/.exec(request.url ?? '') ?? []
    if (language !== undefined) setRequestHeader(request, 'x-rekey-language', language)
    setRequestHeader(request, 'content-security-policy', pagePolicy(response.nonce, rules))
  }

  async function serve(
    request: IncomingMessage,
    response: SecuredResponse,
    expectsContinue: boolean,
  ): Promise<void> {
    const { count: opened, earlier } = connections.track(request, response)
    if (opened > limits.pipelined) return void request.socket.destroy()
    response.on('error', (error) =>
      log.debug({ err: error, requestId: response.requestId }, 'response not delivered'),
    )
    const bodyRead = limitBody(request, response, limits.bodyCeiling)
    warnOnce(request)
    const target = withoutBasePath(request.url ?? '', basePath)
    if (target !== undefined) request.url = response.target = target
    try {
      const outside = target === undefined
      const refused = filterRequest(request, { dev, local, publicOrigin, trustedProxyHops, outside })
      if (refused !== undefined) reportErrorStatus(log, refused, outside)
      if (refused !== undefined) return sendError(response, refused)
      if (expectsContinue && Number(request.headers['content-length'] ?? 0) <= limits.bodyCeiling)
        response.writeContinue()
      if (!(await waitForBodyAndPreviousResponse(request, earlier, bodyRead))) return
      const forwardedFor = request.headersDistinct['x-forwarded-for'] ?? []
      const client = clientIp(request.socket.remoteAddress, forwardedFor, trustedProxyHops)
      const turn = await admission.admit(response, clientKey(client))
      if (turn === undefined) return
      setTrustedHeaders(request, response, client)
      // Next expects the path of PUBLIC_URL in URLs.
      request.url = `${basePath}${request.url}`
      try {
        await runInRequestContext(response.requestId, () => handle(request, response))
      } finally {
        turn.returned()
      }
    } catch (error) {
      count('errors', {})
      log.error({ err: error, event: 'sys_request_failed', requestId: response.requestId }, 'request failed')
      if (response.headersSent) request.socket.destroy()
      else sendError(response, { status: 500, detail: 'Internal server error.' })
    }
  }

  server.on('request', (request, response) => void serve(request, response, false))
  server.on('checkContinue', (request, response) => void serve(request, response, true))
  server.on('connect', (_, socket) => {
    // Node removed its own listeners from this socket: without one, an error would crash the process.
    socket.on('error', () => socket.destroy())
    closeWithError(socket, methodNotAllowedResponse('CONNECT', '/'), rules)
  })
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    // An error response was already written, or the client has disconnected.
    if (!socket.writable) return
    // With a response open, the client would take the error for a part of that response.
    if (error.code === 'ECONNRESET' || connections.hasOpenResponse(socket)) return socket.destroy()
    const refused = parserErrorResponse(error, basePath)
    reportErrorStatus(log, refused)
    closeWithError(socket, refused, rules)
  })
  if (upgrade !== undefined) {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      const target = withoutBasePath(request.url ?? '', basePath)
      if (!target?.startsWith('/_next/') || rejectForeignHost(request, { local, publicOrigin }))
        return socket.destroy()
      keepKnownHeaders(request, dev)
      upgrade(request, socket, head)
    })
  }

  return { server, close: () => connections.drain(limits) }
}

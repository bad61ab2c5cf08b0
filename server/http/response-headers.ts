import { randomBytes, randomUUID } from 'node:crypto'
import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import { corsHeaders } from '@/lib/http/cors'
import type { Settings } from '@/lib/config/settings'
import { closedPolicy, pagePolicy, type PolicyRules } from './content-security-policy'

export type HeaderRules = PolicyRules &
  Pick<Settings, 'hsts' | 'allowedOrigins'> & {
    /** Milliseconds that a connection stays half-open after a response to an incomplete request. */
    lingerTime: number
    draining: () => boolean
  }

/** Powerful features that no page uses in production. Chromium logs a warning for names that it does not know. */
const unusedFeatures = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'clipboard-read',
  'clipboard-write',
  'compute-pressure',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'keyboard-map',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'otp-credentials',
  'payment',
  'picture-in-picture',
  'private-state-token-issuance',
  'private-state-token-redemption',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'sync-xhr',
  'usb',
  'window-management',
  'xr-spatial-tracking',
]

const denied = (features: string[]) => features.map((feature) => `${feature}=()`).join(', ')

const nothingPermitted = denied(unusedFeatures)

/** The mailbox has a button that copies a link. */
const mailboxPermissions = denied(unusedFeatures.filter((feature) => feature !== 'clipboard-write'))

/** Returns the security headers of responses (OWASP HTTP Headers; requirement H7); `settleHeaders` replaces some. */
export function securityHeaders({
  publicOrigin,
  hsts,
}: Pick<HeaderRules, 'publicOrigin' | 'hsts'>): [name: string, value: string][] {
  const headers: [string, string][] = [
    ['Content-Security-Policy', closedPolicy],
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Frame-Options', 'DENY'],
    ['Referrer-Policy', 'no-referrer'],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ['Permissions-Policy', nothingPermitted],
    ['X-Robots-Tag', 'noindex'],
    ['Cache-Control', 'no-store'],
  ]
  if (publicOrigin.startsWith('https:') && hsts !== 'off') {
    const subdomains = hsts === 'subdomains' ? '; includeSubDomains' : ''
    headers.push(['Strict-Transport-Security', `max-age=63072000${subdomains}`])
  }
  return headers
}

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[]

/** Creates the class of responses, which sets headers in `writeHead`, so that error responses of Next and Node have them, too. */
export function createResponseClass(rules: HeaderRules) {
  const always = securityHeaders(rules)

  return class SecuredResponse<
    Request extends IncomingMessage = IncomingMessage,
  > extends ServerResponse<Request> {
    private madeNonce: string | undefined
    readonly requestId: string = randomUUID()
    /** The request target without the path of PUBLIC_URL; empty if it is outside that path. */
    target = ''

    /** The CSP nonce of this response: 128 random bits. */
    get nonce(): string {
      return (this.madeNonce ??= randomBytes(16).toString('base64'))
    }

    override writeHead(status: number, reason?: string | GivenHeaders, given?: GivenHeaders): this {
      this.takeGiven(typeof reason === 'string' ? given : reason)
      this.settleHeaders(status)
      if (rules.draining()) this.setHeader('Connection', 'close')
      if (isRequestBodyPending(this.req)) this.lingerAfterwards()
      return typeof reason === 'string' ? super.writeHead(status, reason) : super.writeHead(status)
    }

    /** Emits `stalled` if the client reads more slowly than the response is written. */
    override write(...given: [chunk: unknown, ...rest: never[]]): boolean {
      const goesOn = super.write(...given)
      if (!goesOn) this.emit('stalled')
      return goesOn
    }

    /** Sets the headers that were passed to `writeHead`, in the formats that Node accepts. */
    private takeGiven(given: GivenHeaders | undefined): void {
      if (!Array.isArray(given)) {
        for (const [name, value] of Object.entries(given ?? {}))
          if (value !== undefined) this.setHeader(name, value)
        return
      }
      const pairs = given.every(Array.isArray) ? (given as unknown as string[][]).flat() : (given as string[])
      for (let at = 0; at < pairs.length; at += 2) this.removeHeader(pairs[at]!)
      for (let at = 0; at < pairs.length; at += 2) this.appendHeader(pairs[at]!, pairs[at + 1]!)
    }

    private settleHeaders(status: number): void {
      const kept = this.headersOfOwnMaking()
      for (const name of this.getHeaderNames())
        if (/^(server$|x-powered-by$|x-next(js)?-)/.test(name)) this.removeHeader(name)
      for (const [name, value] of always) if (!kept.has(name.toLowerCase())) this.setHeader(name, value)
      if (isPage(this.getHeader('Content-Type')) && !kept.has('content-security-policy')) {
        this.setHeader('Content-Security-Policy', pagePolicy(this.nonce, rules))
      }
      if (this.isInMailbox()) this.setHeader('Permissions-Policy', mailboxPermissions)
      if (this.isHashedFile(status)) this.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
      if (this.target.startsWith('/api/v1/')) this.shareWithAllowedOrigin()
      this.setHeader('X-Request-Id', this.requestId)
    }

    /** Adds the CORS headers to a response of the API, even if no handler made it. */
    private shareWithAllowedOrigin(): void {
      const shared = corsHeaders(this.req.headers.origin, rules.allowedOrigins)
      for (const [name, value] of Object.entries(shared)) this.setHeader(name, value)
      const varies = String(this.getHeader('Vary') ?? '').split(/\s*,\s*/)
      if (!varies.includes('Origin')) this.appendHeader('Vary', 'Origin')
    }

    /** Returns the names of the security headers to keep as the handler set them: those of emails in the mailbox's frame. */
    private headersOfOwnMaking(): Set<string> {
      if (!this.isInMailbox() || !this.hasHeader('Content-Security-Policy')) return new Set()
      return new Set([
        'content-security-policy',
        ...(this.hasHeader('X-Frame-Options') ? ['x-frame-options'] : []),
      ])
    }

    private isInMailbox(): boolean {
      return rules.mode !== 'production' && this.target.startsWith('/dev/mailbox/')
    }

    /** Whether the response is a file whose name changes with its content. */
    private isHashedFile(status: number): boolean {
      return !rules.dev && (status === 200 || status === 304) && this.target.startsWith('/_next/static/')
    }

    /**
     * Half-closes the connection for `lingerTime` after a response that came before the whole body of its request. Closing at once would
     * reset the connection, and a client that still sends would lose the response (RFC 9112 §9.6).
     */
    private lingerAfterwards(): void {
      const { req, socket } = this
      this.setHeader('Connection', 'close')
      if (socket === null) return
      socket.destroySoon = () => {
        const timer = setTimeout(() => socket.destroy(), rules.lingerTime)
        socket.once('close', () => clearTimeout(timer))
        socket.end()
        req.resume()
      }
    }
  }
}

export type SecuredResponse = InstanceType<ReturnType<typeof createResponseClass>>

function isPage(contentType: number | string | readonly string[] | undefined): boolean {
  return /^text\/html\b/i.test(String(contentType ?? ''))
}

/** Whether a part of the request's body has not arrived yet. */
function isRequestBodyPending(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  return !request.complete && (coding !== undefined || (length !== undefined && length !== '0'))
}

import { sayApi, type ApiMessage } from '@/lib/i18n/api-messages'
import type { Configuration } from '@/lib/password-reset/extension-points'
import { isDatabaseAway } from '@/lib/database/errors'
import type { EndpointDescription } from './request-schemas'
import type { Language } from '@/lib/i18n/locales'
import { LimiterBroken } from '@/lib/rate-limits/limits'
import type { Log } from '@/lib/logging/log'
import { Busy } from '@/lib/passwords/hash-queue'
import { logRefusal, mayBeProxy } from '@/lib/logging/refusal-log'
import type { Settings } from '@/lib/config/settings'
import { isBrowserForm, isTooLarge, refuseForeignOrigin, refuseLargeBody, refuseUnacceptable } from './guards'
import { answerError, answerJson, unavailable } from './responses'
import { preflightHeaders } from './cors'
import { readFields } from './request-fields'
import { seeOther, withErrors, type FormPages } from './form-redirect'
import { languageOf } from './request-locale'
import { Refusal, Unreadable } from './errors'

/** Headers of ours between the server in front and the handlers; it strips inbound ones. */
const clientHeader = 'x-rekey-client'
const requestIdHeader = 'x-rekey-request-id'

/** A request that passed what holds for every endpoint. */
export type Asked = {
  request: Request
  language: Language
  requestId: string
  client: string
  /** Reads the body: an object of fields, as received. */
  fields(): Promise<Record<string, unknown>>
}

export type Edge = { settings: Settings; log: Log; configuration: Configuration }

/** Whether an endpoint is there while RESET_PASSWORD_VERIFICATION_ENABLED is false. */
type WhileOff = { whileOff?: boolean }

/**
 * Wraps a handler of POST: admits or refuses the request in the contract's order, answers what the handler returns, and
 * puts what it throws into words: JSON for a client, a page for a browser's form.
 */
export async function answerPost(
  { settings, log, configuration }: Edge,
  request: Request,
  pages: FormPages,
  handle: (asked: Asked) => Promise<ApiMessage>,
  { whileOff = false }: WhileOff = {},
): Promise<Response> {
  const language = languageOf(request)
  const requestId = request.headers.get(requestIdHeader) ?? crypto.randomUUID()
  const wantsPage = isBrowserForm(request)
  let fields: Record<string, unknown> = {}
  const asked: Asked = {
    request,
    language,
    requestId,
    client: request.headers.get(clientHeader) ?? 'unknown',
    fields: async () => (fields = await readFields(request)),
  }
  try {
    refuseLargeBody(request)
    refuseUnacceptable(request, wantsPage)
    refuseForeignOrigin(request, settings)
    if (!settings.reset.enabled && !whileOff) throw new Refusal('not-found')
    const detail = sayApi(language, await handle(asked))
    if (wantsPage) return seeOther(request, pages.done)
    return answerJson(request, 200, configuration.buildSuccessResponse?.(detail) ?? { detail })
  } catch (error) {
    if (error instanceof Unreadable && error.brokenOff !== undefined)
      log.debug({ err: error.brokenOff, event: 'body_cut_off', requestId })
    const told =
      isDatabaseAway(error) || error instanceof Busy || error instanceof LimiterBroken
        ? unavailable(log, error, requestId)
        : error
    tellOperator(log, told, asked.client)
    if (wantsPage && !(told instanceof Refusal && told.code === 'cross-origin')) {
      return seeOther(request, withErrors(pages.back(fields), told, log, requestId))
    }
    return answerError(request, told, log, requestId)
  }
}

/** Logs, rarely, what a wrong setting may refuse to everybody. */
function tellOperator(log: Log, told: unknown, client?: string): void {
  if (!(told instanceof Refusal)) return
  if (told.code === 'cross-origin') logRefusal(log, 'cross-origin')
  if (told.code === 'throttled' && client !== undefined && mayBeProxy(client))
    logRefusal(log, 'throttled-proxy')
}

/** The answer to methods that an endpoint does not have. */
export function answerMethodNotAllowed({ log }: Pick<Edge, 'log'>, request: Request): Response {
  const values = { method: request.method }
  const refusal = new Refusal('method-not-allowed', { values, headers: { Allow: 'POST, OPTIONS' } })
  const told = isTooLarge(request) ? new Refusal('body-too-large') : refusal
  return answerError(request, told, log, '')
}

/**
 * OPTIONS: what the endpoint takes, or the answer to the CORS preflight of an allowed origin. A preflight is answered
 * while the endpoint is switched off, too: the browser would otherwise keep the 404 that follows from the script.
 */
export function answerOptions(
  { settings, log }: Edge,
  request: Request,
  describe: () => EndpointDescription,
  { whileOff = false }: WhileOff = {},
): Response {
  try {
    refuseLargeBody(request)
    if (isPreflight(request, settings)) {
      const headers = preflightHeaders(request.headers.get('access-control-request-headers'))
      return new Response(null, { status: 204, headers })
    }
    refuseUnacceptable(request, false)
    refuseForeignOrigin(request, settings)
    if (!settings.reset.enabled && !whileOff) throw new Refusal('not-found')
  } catch (error) {
    tellOperator(log, error)
    return answerError(request, error, log, '')
  }
  const { name, fields } = describe()
  const description = {
    name,
    description: '',
    renders: ['application/json', 'text/html'],
    parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
    actions: { POST: fields },
  }
  return answerJson(request, 200, description, { Allow: 'POST, OPTIONS' })
}

/** Whether the browser asks if a script of an allowed origin may send a request (Fetch standard, CORS-preflight). */
function isPreflight({ headers }: Request, { allowedOrigins }: Settings): boolean {
  return headers.has('access-control-request-method') && allowedOrigins.includes(headers.get('origin') ?? '')
}

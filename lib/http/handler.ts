import { formatApiMessage, type ApiMessage } from '@/lib/i18n/api-messages'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { isDatabaseUnavailable } from '@/lib/database/errors'
import type { OptionsResponse } from './request-schemas'
import type { Language } from '@/lib/i18n/locales'
import { LimiterBroken } from '@/lib/rate-limits/limits'
import type { Log } from '@/lib/logging/log'
import { HashQueueFull } from '@/lib/passwords/hash-queue'
import { reportRefusedRequest, mayBeProxy } from '@/lib/logging/refused-requests'
import type { Settings } from '@/lib/config/settings'
import {
  isBrowserForm,
  announcesLargeBody,
  rejectForeignOrigin,
  rejectLargeBody,
  rejectUnacceptable,
} from './guards'
import { errorResponse, jsonResponse, logAndReturnUnavailable } from './responses'
import { preflightOnlyHeaders } from './cors'
import { parseRequestFields } from './request-fields'
import { redirectToPage, urlWithErrors, type FormPages } from './form-redirect'
import { requestLanguage } from './request-language'
import { ApiError, UnreadableBody } from './errors'

/** The server in front of Next sets these headers. It drops headers of these names that a client sends. */
const clientHeader = 'x-rekey-client'
const requestIdHeader = 'x-rekey-request-id'

type ApiRequest = {
  language: Language
  requestId: string
  /** The client's IP address, or `unknown`. */
  client: string
  /** Parses the body; throws what `parseRequestFields` throws. */
  fields(): Promise<Record<string, unknown>>
}

export type HandlerDependencies = { settings: Settings; log: Log; configuration: RekeyConfig }

/** `allowWhenDisabled`: whether the endpoint works even if RESET_PASSWORD_VERIFICATION_ENABLED is false. */
type HandlerOptions = { allowWhenDisabled?: boolean }

/**
 * Runs the guards, then `handle`, which returns the message of a response with status 200. A form without JavaScript gets a redirect to
 * one of `pages`, except after the error `cross-origin`; any other request gets JSON.
 */
export async function handlePost(
  { settings, log, configuration }: HandlerDependencies,
  request: Request,
  pages: FormPages,
  handle: (apiRequest: ApiRequest) => Promise<ApiMessage>,
  { allowWhenDisabled = false }: HandlerOptions = {},
): Promise<Response> {
  const language = requestLanguage(request)
  const requestId = request.headers.get(requestIdHeader) ?? crypto.randomUUID()
  const wantsPage = isBrowserForm(request)
  let fields: Record<string, unknown> = {}
  const apiRequest: ApiRequest = {
    language,
    requestId,
    client: request.headers.get(clientHeader) ?? 'unknown',
    fields: async () => (fields = await parseRequestFields(request)),
  }
  try {
    rejectLargeBody(request)
    rejectUnacceptable(request, wantsPage)
    rejectForeignOrigin(request, settings)
    if (!settings.reset.enabled && !allowWhenDisabled) throw new ApiError('not-found')
    const detail = formatApiMessage(language, await handle(apiRequest))
    if (wantsPage) return redirectToPage(request, pages.done)
    return jsonResponse(request, 200, configuration.buildSuccessResponse?.(detail) ?? { detail })
  } catch (error) {
    if (error instanceof UnreadableBody && error.brokenOff !== undefined)
      log.debug({ err: error.brokenOff, event: 'body_cut_off', requestId })
    const responseError =
      isDatabaseUnavailable(error) || error instanceof HashQueueFull || error instanceof LimiterBroken
        ? logAndReturnUnavailable(log, error, requestId)
        : error
    logIfMisconfigured(log, responseError, apiRequest.client)
    if (wantsPage && !(responseError instanceof ApiError && responseError.code === 'cross-origin')) {
      return redirectToPage(request, urlWithErrors(pages.back(fields), responseError, log, requestId))
    }
    return errorResponse(request, responseError, log, requestId)
  }
}

function logIfMisconfigured(log: Log, error: unknown, client?: string): void {
  if (!(error instanceof ApiError)) return
  if (error.code === 'cross-origin') reportRefusedRequest(log, 'cross-origin')
  if (error.code === 'throttled' && client !== undefined && mayBeProxy(client))
    reportRefusedRequest(log, 'throttled-proxy')
}

/** Responds with 405, or with 413 if the request announces a body that is too large. */
export function handleUnsupportedMethod(
  { log }: Pick<HandlerDependencies, 'log'>,
  request: Request,
): Response {
  const values = { method: request.method }
  const notAllowed = new ApiError('method-not-allowed', { values, headers: { Allow: 'POST, OPTIONS' } })
  const error = announcesLargeBody(request) ? new ApiError('body-too-large') : notAllowed
  return errorResponse(request, error, log, '')
}

export function handleOptions(
  { settings, log }: HandlerDependencies,
  request: Request,
  describe: () => OptionsResponse,
  { allowWhenDisabled = false }: HandlerOptions = {},
): Response {
  try {
    rejectLargeBody(request)
    // A preflight succeeds even if the endpoint is disabled: otherwise a script could not read the 404 response.
    if (isPreflight(request, settings)) {
      const headers = preflightOnlyHeaders(request.headers.get('access-control-request-headers'))
      return new Response(null, { status: 204, headers })
    }
    rejectUnacceptable(request, false)
    rejectForeignOrigin(request, settings)
    if (!settings.reset.enabled && !allowWhenDisabled) throw new ApiError('not-found')
  } catch (error) {
    logIfMisconfigured(log, error)
    return errorResponse(request, error, log, '')
  }
  const { name, fields } = describe()
  const description = {
    name,
    description: '',
    renders: ['application/json', 'text/html'],
    parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
    actions: { POST: fields },
  }
  return jsonResponse(request, 200, description, { Allow: 'POST, OPTIONS' })
}

/** Whether a request is a preflight of an allowed origin (Fetch standard, CORS-preflight). */
function isPreflight({ headers }: Request, { allowedOrigins }: Settings): boolean {
  return headers.has('access-control-request-method') && allowedOrigins.includes(headers.get('origin') ?? '')
}

import { formatApiMessage } from '@/lib/i18n/api-messages'
import type { Log } from '@/lib/logging/log'
import { count } from '@/lib/metrics/count'
import { HashQueueFull } from '@/lib/passwords/hash-queue'
import { requestErrors } from './error-codes'
import { errorCodesHeader } from './form-errors'
import { requestLanguage } from './request-language'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** In seconds. */
const retryAfterOutage = 30

/** The request headers that affect a response. */
const varyHeader = 'Accept, Accept-Language, Origin'

/** Creates a JSON response. `headers` override the usual ones. */
export function jsonResponse(
  request: Request,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): Response {
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Content-Language': requestLanguage(request),
      Vary: varyHeader,
      'Cache-Control': 'no-store',
      ...headers,
    },
  })
}

/** Converts an error into a response. Logs and counts an unexpected error, and responds with 500 without its details. */
export function errorResponse(request: Request, error: unknown, log: Log, requestId: string): Response {
  const language = requestLanguage(request)
  if (error instanceof InvalidFields) {
    const body = Object.fromEntries(
      Object.entries(error.fields).map(([name, problems]) => [
        name,
        problems.map(({ code, values }) => formatApiMessage(language, code, values)),
      ]),
    )
    return jsonResponse(request, 400, body, errorCodesHeader(error.fields))
  }
  if (error instanceof UnreadableBody) return jsonResponse(request, 400, { detail: error.detail })
  const apiError = error instanceof ApiError ? error : logAndReturnInternalError(log, error, requestId)
  const { status, coded } = { coded: false, ...requestErrors[apiError.code] }
  const detail = formatApiMessage(language, apiError.code, apiError.values)
  return jsonResponse(request, status, coded ? { detail, code: apiError.code } : { detail }, apiError.headers)
}

export function logAndReturnInternalError(log: Log, error: unknown, requestId: string): ApiError {
  count('errors', {})
  log.error({ err: error, event: 'request_failed', requestId })
  return new ApiError('internal')
}

export function logAndReturnUnavailable(log: Log, error: unknown, requestId: string): ApiError {
  count('unavailable', { reason: error instanceof HashQueueFull ? 'hashing' : 'database' })
  log.warn({ err: error, event: 'service_unavailable', requestId })
  return new ApiError('unavailable', { headers: { 'Retry-After': String(retryAfterOutage) } })
}

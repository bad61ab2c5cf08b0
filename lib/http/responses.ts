import { sayApi } from '@/lib/i18n/api-messages'
import type { Log } from '@/lib/logging/log'
import { refusals } from './error-codes'
import { errorCodesHeader } from './form-errors'
import { languageOf } from './request-locale'
import { FieldProblems, Refusal, Unreadable } from './errors'

/** Seconds after which a client may try again when the service is away. */
const retryAfterOutage = 30

/** What of a request an answer depends on, besides its path and body. */
export const vary = 'Accept, Accept-Language, Origin'

export function answerJson(
  request: Request,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): Response {
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Content-Language': languageOf(request),
      Vary: vary,
      'Cache-Control': 'no-store',
      ...headers,
    },
  })
}

export function answerError(request: Request, error: unknown, log: Log, requestId: string): Response {
  const language = languageOf(request)
  if (error instanceof FieldProblems) {
    const body = Object.fromEntries(
      Object.entries(error.fields).map(([name, problems]) => [
        name,
        problems.map(({ code, values }) => sayApi(language, code, values)),
      ]),
    )
    return answerJson(request, 400, body, errorCodesHeader(error.fields))
  }
  if (error instanceof Unreadable) return answerJson(request, 400, { detail: error.detail })
  const refusal = error instanceof Refusal ? error : ourFault(log, error, requestId)
  const { status, coded } = { coded: false, ...refusals[refusal.code] }
  const detail = sayApi(language, refusal.code, refusal.values)
  return answerJson(request, status, coded ? { detail, code: refusal.code } : { detail }, refusal.headers)
}

export function ourFault(log: Log, error: unknown, requestId: string): Refusal {
  log.error({ err: error, event: 'request_failed', requestId })
  return new Refusal('internal')
}

export function unavailable(log: Log, error: unknown, requestId: string): Refusal {
  log.warn({ err: error, event: 'service_unavailable', requestId })
  return new Refusal('unavailable', { headers: { 'Retry-After': String(retryAfterOutage) } })
}

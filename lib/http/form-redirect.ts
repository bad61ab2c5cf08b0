import { maxAccountIdLength } from '@/lib/config/account-id'
import type { Log } from '@/lib/logging/log'
import { logAndReturnInternalError } from './responses'
import { formErrorCode, type RequestErrorCode } from './error-codes'
import { errorParameter } from './form-errors'
import { chosenLanguageOf } from './request-language'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** The paths to which a browser is redirected after it sent a form without JavaScript. */
export type FormPages = {
  done: string
  /** After an error. The path may contain the parameters of a link, but no other field, such as the password. */
  back(fields: Record<string, unknown>): string
}

/** Returns a link's parameters for a URL. Omits values that are too long for a link. */
export function linkParameters(fields: Record<string, unknown>): URLSearchParams {
  const link = ['user_id', 'timestamp', 'signature'].flatMap((name) => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= maxAccountIdLength
      ? [[name, value] as [string, string]]
      : []
  })
  return new URLSearchParams(link)
}

/** Redirects (303) to a page, in the language that was chosen on the page of the form, if any. */
export function redirectToPage(request: Request, page: string): Response {
  const chosen = chosenLanguageOf(request.headers)
  const location = chosen === undefined ? page : `${page}${page.includes('?') ? '&' : '?'}lang=${chosen}`
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/** Adds the codes of an error to the path of a page. Logs an unexpected error. */
export function urlWithErrors(page: string, error: unknown, log: Log, requestId: string): string {
  const url = new URL(page, 'http://page.invalid')
  const errors = error instanceof InvalidFields ? error.fields : formErrorCode(codeOf(error, log, requestId))
  url.searchParams.set('error', errorParameter(errors))
  return `${url.pathname}${url.search}`
}

function codeOf(error: unknown, log: Log, requestId: string): RequestErrorCode | undefined {
  if (error instanceof UnreadableBody) return undefined
  return (error instanceof ApiError ? error : logAndReturnInternalError(log, error, requestId)).code
}

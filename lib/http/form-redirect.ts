import { maxAccountIdLength } from '@/lib/config/account-id'
import type { Log } from '@/lib/logging/log'
import { logAndReturnInternalError } from './responses'
import { formErrorCode, type RequestErrorCode } from './error-codes'
import { errorParameter } from './form-errors'
import { chosenLanguageOf } from './request-language'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** The paths of the pages to which a browser is redirected after it sent a form without JavaScript. */
export type FormPages = {
  /** After success. */
  done: string
  /** After an error: the page of the form. Its URL may contain the parameters of the link, but no other field. */
  back(fields: Record<string, unknown>): string
}

/**
 * Returns the link's parameters for the URL of the form's page, to which the browser returns after an error. Omits a value of more than
 * `maxAccountIdLength` characters: the values of a link are never longer than an account's id may be.
 */
export function linkParameters(fields: Record<string, unknown>): URLSearchParams {
  const link = ['user_id', 'timestamp', 'signature'].flatMap((name) => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= maxAccountIdLength
      ? [[name, value] as [string, string]]
      : []
  })
  return new URLSearchParams(link)
}

/** Creates a redirect (303) to a page. Adds the language to the URL if one was chosen on the page of the form. */
export function redirectToPage(request: Request, page: string): Response {
  const chosen = chosenLanguageOf(request.headers)
  const location = chosen === undefined ? page : `${page}${page.includes('?') ? '&' : '?'}lang=${chosen}`
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/** Adds the codes of an error to the path of a page, as its parameter `error`. Logs a fault of Rekey, as `errorResponse` does. */
export function urlWithErrors(page: string, error: unknown, log: Log, requestId: string): string {
  const url = new URL(page, 'http://page.invalid')
  const errors = error instanceof InvalidFields ? error.fields : formErrorCode(codeOf(error, log, requestId))
  url.searchParams.set('error', errorParameter(errors))
  return `${url.pathname}${url.search}`
}

/** Returns the code of an `ApiError`, or undefined for `UnreadableBody`. Any other error is a fault of Rekey, with the code `internal`. */
function codeOf(error: unknown, log: Log, requestId: string): RequestErrorCode | undefined {
  if (error instanceof UnreadableBody) return undefined
  return (error instanceof ApiError ? error : logAndReturnInternalError(log, error, requestId)).code
}

import { longestId } from '@/lib/config/account-id'
import type { Log } from '@/lib/logging/log'
import { logAndReturnInternalError } from './responses'
import { formErrorCode, type RequestErrorCode } from './error-codes'
import { errorParameter } from './form-errors'
import { chosenLanguageOf } from './request-language'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** The pages to which a form without JavaScript leads. */
export type FormPages = {
  done: string
  /** The page of the form after an error. Its URL may contain the link, but never user input. */
  back(fields: Record<string, unknown>): string
}

/**
 * Returns the link's parameters for the URL of the page to which a form without JavaScript returns. Omits values that are
 * longer than any of a link, whose longest is the account's id.
 */
export function linkParameters(fields: Record<string, unknown>): URLSearchParams {
  const link = ['user_id', 'timestamp', 'signature'].flatMap((name) => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= longestId ? [[name, value] as [string, string]] : []
  })
  return new URLSearchParams(link)
}

/** Redirects to a page in the language that was chosen on the page of the form. */
export function seeOther(request: Request, page: string): Response {
  const chosen = chosenLanguageOf(request.headers)
  const location = chosen === undefined ? page : `${page}${page.includes('?') ? '&' : '?'}lang=${chosen}`
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/** Adds the error codes to the URL of a page. User input stays out of URLs. */
export function urlWithErrors(page: string, error: unknown, log: Log, requestId: string): string {
  const url = new URL(page, 'http://page.invalid')
  const errors = error instanceof InvalidFields ? error.fields : formErrorCode(codeOf(error, log, requestId))
  url.searchParams.set('error', errorParameter(errors))
  return `${url.pathname}${url.search}`
}

/** Returns the code of an error; undefined for a body that cannot be parsed, which has none. */
function codeOf(error: unknown, log: Log, requestId: string): RequestErrorCode | undefined {
  if (error instanceof UnreadableBody) return undefined
  return (error instanceof ApiError ? error : logAndReturnInternalError(log, error, requestId)).code
}

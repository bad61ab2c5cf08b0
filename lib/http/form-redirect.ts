import type { Log } from '@/lib/logging/log'
import { internalError } from './responses'
import { formErrorCode, type ApiErrorCode } from './error-codes'
import { errorParameter } from './form-errors'
import { chosenLocale } from './request-locale'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** Where a browser's form goes without JavaScript. */
export type FormPages = {
  done: string
  /** The page to go back to, with what of the form may stand in its URL: never anything typed. */
  back(fields: Record<string, unknown>): string
}

/**
 * The parameters of a link as they may stand in a page's URL, so that a form without JavaScript finds its way back.
 * What is not like a link's is left out.
 */
export function linkParameters(fields: Record<string, unknown>): URLSearchParams {
  const link = ['user_id', 'timestamp', 'signature'].flatMap((name) => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= 200 ? [[name, value] as [string, string]] : []
  })
  return new URLSearchParams(link)
}

/** Leads on to a page of ours, in the language of the page that the form was on. */
export function seeOther(request: Request, page: string): Response {
  const chosen = chosenLocale(request.headers)
  const location = chosen === undefined ? page : `${page}${page.includes('?') ? '&' : '?'}lang=${chosen}`
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/** The page to go back to, told by codes what to show; what was typed stays out of URLs. */
export function urlWithErrors(page: string, error: unknown, log: Log, requestId: string): string {
  const url = new URL(page, 'http://page.invalid')
  const errors = error instanceof InvalidFields ? error.fields : formErrorCode(codeOf(error, log, requestId))
  url.searchParams.set('error', errorParameter(errors))
  return `${url.pathname}${url.search}`
}

/** undefined for a body that cannot be parsed, which is no refusal with a code. */
function codeOf(error: unknown, log: Log, requestId: string): ApiErrorCode | undefined {
  if (error instanceof UnreadableBody) return undefined
  return (error instanceof ApiError ? error : internalError(log, error, requestId)).code
}

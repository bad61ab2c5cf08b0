import type { Log } from '@/lib/logging/log'
import { ourFault } from './responses'
import { chosenIn } from './request-locale'
import { FieldProblems, Refusal, Unreadable } from './errors'

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
export function linkInUrl(fields: Record<string, unknown>): URLSearchParams {
  const link = ['user_id', 'timestamp', 'signature'].flatMap((name) => {
    const value = fields[name]
    return typeof value === 'string' && value.length <= 200 ? [[name, value] as [string, string]] : []
  })
  return new URLSearchParams(link)
}

/** Leads on to a page of ours, in the language of the page that the form was on. */
export function seeOther(request: Request, page: string): Response {
  const chosen = chosenIn(request.headers)
  const location = chosen === undefined ? page : `${page}${page.includes('?') ? '&' : '?'}lang=${chosen}`
  return new Response(null, { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' } })
}

/** The page to go back to, told by codes what to show; what was typed stays out of URLs. */
export function withProblems(page: string, error: unknown, log: Log, requestId: string): string {
  const url = new URL(page, 'http://page.invalid')
  const codes =
    error instanceof FieldProblems
      ? Object.entries(error.fields).flatMap(([name, problems]) =>
          problems.map(({ code }) => fieldCodeOf(name, code)),
        )
      : [pageCodeOf(error, log, requestId)]
  url.searchParams.set('problem', [...new Set(codes)].join(','))
  return `${url.pathname}${url.search}`
}

/** What a page shows beside a field; it words it as the form does with JavaScript. */
function fieldCodeOf(name: string, code: string): string {
  if (name === 'password_confirm') {
    return code === 'required' || code === 'null' || code === 'blank'
      ? 'confirm-required'
      : 'confirm-mismatch'
  }
  const field = { login: 'login', email: 'login', password: 'password' }[name]
  if (field === undefined) return 'refused'
  if (code === 'null') return `${field}-required`
  if (code === 'invalid-string' || code === 'null-characters' || code === 'surrogates')
    return `${field}-invalid`
  if (code.startsWith('too-similar')) return `${field}-too-similar`
  return `${field}-${code}`
}

function pageCodeOf(error: unknown, log: Log, requestId: string): string {
  if (error instanceof Unreadable) return 'refused'
  const { code } = error instanceof Refusal ? error : ourFault(log, error, requestId)
  if (code === 'user-not-found') return 'login-unknown'
  if (code === 'throttled' || code.startsWith('second-factor')) return code
  return code === 'unavailable' || code === 'internal' ? 'unavailable' : 'refused'
}

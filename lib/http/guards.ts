import Negotiator from 'negotiator'
import type { Settings } from '@/lib/config/settings'
import { ApiError } from './errors'

/** The most bytes a body may have. */
export const largestBody = 16 * 1024

export function isTooLarge(request: Request): boolean {
  return Number(request.headers.get('content-length') ?? 0) > largestBody
}

export function rejectLargeBody(request: Request): void {
  if (isTooLarge(request)) throw new ApiError('body-too-large')
}

/** Longer ones are no client's, and Negotiator takes quadratic time on quotation marks: they accept anything. */
const longestAccept = 1024

/** Parameters other than the quality do not make JSON another type; DRR takes `application/json; indent=4` too. */
function acceptOf(request: Request): Negotiator {
  const sent = request.headers.get('accept') ?? '*/*'
  const accept = sent.length > longestAccept ? '*/*' : sent.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
  return new Negotiator({ headers: { accept } })
}

export function rejectUnacceptable(request: Request, wantsPage: boolean): void {
  if (!wantsPage && acceptOf(request).mediaType(['application/json']) === undefined)
    throw new ApiError('not-acceptable')
}

/** A form sent by a browser itself, which shows whatever comes back as a page. */
export function isBrowserForm(request: Request): boolean {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  return (
    type === 'application/x-www-form-urlencoded' &&
    acceptOf(request).mediaType(['application/json', 'text/html']) === 'text/html'
  )
}

/**
 * `Sec-Fetch-Site: same-origin` is our own page, also where it has `Origin: null` under no-referrer. Otherwise an origin
 * must be allowed by name. Neither header: not a browser.
 */
export function rejectForeignOrigin(request: Request, settings: Settings): void {
  if (request.headers.get('sec-fetch-site') === 'same-origin') return
  const origin = request.headers.get('origin')
  if (origin === null) {
    const site = request.headers.get('sec-fetch-site')
    if (site === null || site === 'none') return
    throw new ApiError('cross-origin')
  }
  if (origin !== settings.publicOrigin && !settings.allowedOrigins.includes(origin))
    throw new ApiError('cross-origin')
}

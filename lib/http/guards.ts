import Negotiator from 'negotiator'
import type { Settings } from '@/lib/config/settings'
import { ApiError } from './errors'

export const maxBodyBytes = 16 * 1024

export function announcesLargeBody(request: Request): boolean {
  return Number(request.headers.get('content-length') ?? 0) > maxBodyBytes
}

/** @throws ApiError `body-too-large` */
export function rejectLargeBody(request: Request): void {
  if (announcesLargeBody(request)) throw new ApiError('body-too-large')
}

/** In characters. A longer `Accept` is ignored, because Negotiator takes quadratic time on quotes. */
const longestAccept = 1024

/** Parses `Accept`. Drops parameters other than the quality, because DRR accepts `application/json; indent=4`. */
function acceptOf(request: Request): Negotiator {
  const sent = request.headers.get('accept') ?? '*/*'
  const accept = sent.length > longestAccept ? '*/*' : sent.replace(/;(?!\s*q\s*=)[^;,]*/gi, '')
  return new Negotiator({ headers: { accept } })
}

/** Rejects a client that does not accept JSON, unless it wants a page. @throws ApiError `not-acceptable` */
export function rejectUnacceptable(request: Request, wantsPage: boolean): void {
  if (!wantsPage && acceptOf(request).mediaType(['application/json']) === undefined)
    throw new ApiError('not-acceptable')
}

/** Whether the request looks like a form that a browser sent without JavaScript. */
export function isBrowserForm(request: Request): boolean {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  return (
    type === 'application/x-www-form-urlencoded' &&
    acceptOf(request).mediaType(['application/json', 'text/html']) === 'text/html'
  )
}

/**
 * Rejects a request that a page of another origin caused, unless CORS_ALLOWED_ORIGINS lists that origin. Because of its referrer policy,
 * a page of Rekey may send `Origin: null`, so `Sec-Fetch-Site: same-origin` suffices.
 *
 * @throws ApiError `cross-origin`
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

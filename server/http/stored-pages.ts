import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import Negotiator from 'negotiator'
import { isLanguage, preferredLanguage, type Language } from '@/lib/i18n/locales'
import { withoutBasePath } from './base-path'
import type { Handle } from './handle'
import { renderPage, type RenderedPage } from './render-page'
import type { SecuredResponse } from './response-headers'

/** Paths whose page depends on the language only, if the query contains nothing else. */
const samePages = new Set(['/forgot-password', '/forgot-password/'])

/** Each path has a page for each requested combination of query language and browser language. */
const mostPages = 100

const compress = promisify(gzip)

/**
 * Creates a handler that serves two pages from memory: the form that requests a link, and the page of unknown paths. Each response gets
 * its own nonce. The page of unknown paths has no scripts: Next's scripts would put the path for which the page was rendered into the
 * address bar.
 *
 * @param isRoute whether anything serves a path, which is given without the path of PUBLIC_URL
 */
export function createStoredPagesHandler(
  isRoute: (path: string) => boolean,
  { basePath, defaultLocale }: { basePath: string; defaultLocale: Language },
  handle: Handle,
): Handle {
  const pages = new Map<string, Promise<RenderedPage>>()
  const storedNonce = randomBytes(16).toString('base64')

  function pageFor({ headers }: IncomingMessage, url: string): Promise<RenderedPage> {
    const chosen = String(headers['x-rekey-language'] ?? '')
    const accepted = preferredLanguage(headers['accept-language'] ?? null, defaultLocale)
    const key = JSON.stringify([url, isLanguage(chosen) ? chosen : '', accepted])
    const known = pages.get(key)
    if (known !== undefined) return known
    const rendered = renderPage(handle, url, {
      host: headers.host!,
      'x-forwarded-proto': String(headers['x-forwarded-proto']),
      'accept-language': accepted,
      ...(isLanguage(chosen) && { 'x-rekey-language': chosen }),
      'x-nonce': storedNonce,
      'content-security-policy': `script-src 'nonce-${storedNonce}'`,
    })
    pages.set(key, rendered)
    for (const [oldest] of pages) if (pages.size > mostPages) pages.delete(oldest)
    void rendered.then(
      ({ status }) => status >= 500 && pages.delete(key),
      () => pages.delete(key),
    )
    return rendered
  }

  return async (request, response) => {
    const { url = '/' } = request
    const [path = '', query = ''] = (withoutBasePath(url, basePath) ?? '').split('?', 2)
    const isUnknown = !isRoute(path)
    const [, language = ''] = /^lang=([A-Za-z-]+)$/.exec(query) ?? []
    const isSame = samePages.has(path) && (query === '' || isLanguage(language))
    if (!isUnknown && !isSame) return handle(request, response)

    const { status, headers, html } = await pageFor(request, isUnknown ? `${basePath}/not-found/` : url)
    const { nonce } = response as SecuredResponse
    const text = (isUnknown ? withoutScripts(html) : html).replaceAll(storedNonce, nonce)
    const isGzip = new Negotiator(request).encoding(['gzip', 'identity']) === 'gzip'
    const body = isGzip ? await compress(text) : Buffer.from(text)
    response.writeHead(status, {
      ...headers,
      'Content-Length': body.length,
      ...(isGzip && { 'Content-Encoding': 'gzip' }),
    })
    response.end(body)
  }
}

/** Removes scripts and their preloads. Next escapes `<` in its scripts, so no script contains an end tag. */
function withoutScripts(html: string): string {
  return html.replace(/<script\b.*?<\/script>|<link\b[^>]*\bas="script"[^>]*>/gs, '')
}

/** Creates a function that tells whether Next serves a path. `publicFiles`: paths in `public`, such as `/logo.svg`. */
export function createRouteMatcher(
  manifest: { staticRoutes: { regex: string }[]; dynamicRoutes: { regex: string }[] },
  publicFiles: ReadonlySet<string>,
) {
  const routes = [...manifest.staticRoutes, ...manifest.dynamicRoutes].map(({ regex }) => new RegExp(regex))
  return (path: string) =>
    path.startsWith('/_next/') || publicFiles.has(path) || routes.some((route) => route.test(path))
}

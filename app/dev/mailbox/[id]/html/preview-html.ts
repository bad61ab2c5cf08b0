/**
 * The Content-Security-Policy of an email's HTML in the preview frame. It allows inline styles, images in `data:` URLs, and links that
 * open in the window or in a new one on a click, but no scripts, forms or external resources.
 */
export const framePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "frame-ancestors 'self'",
  'sandbox allow-popups allow-top-navigation-by-user-activation',
].join('; ')

/** The colour schemes that a person can choose for the preview; without a choice, the scheme of the system applies. */
export const colorSchemes = ['light', 'dark'] as const
export type ColorScheme = (typeof colorSchemes)[number]

/** Parses the query parameter `scheme`; undefined if it is missing, repeated or unknown. */
export function parseColorScheme(given: unknown): ColorScheme | undefined {
  return colorSchemes.find((scheme) => scheme === given)
}

/**
 * Prepares an email's HTML for the preview frame. Links open in the whole window, because pages do not work in the frame's
 * sandbox. If a colour scheme is given, it replaces the scheme of the system.
 */
export function frameHtml(html: string, scheme?: ColorScheme): string {
  const base = '<base target="_top">'
  const aimed = html.replace(/\starget\s*=\s*(?:"_blank"|'_blank'|_blank\b)/gi, '')
  const based = /<head(\s[^>]*)?>/i.test(aimed)
    ? aimed.replace(/<head(\s[^>]*)?>/i, `$&${base}`)
    : `${base}${aimed}`
  if (scheme === undefined) return based
  return based
    .replace(/\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/gi, (_, named: string) =>
      named.toLowerCase() === scheme ? '(min-width: 0)' : '(max-width: 0)',
    )
    .replace(/(name="(?:supported-)?color-schemes?" content=")light dark"/gi, `$1${scheme}"`)
    .replace(/((?:supported-)?color-schemes?:\s*)light dark/gi, `$1${scheme}`)
}

/**
 * The policy of the frame with an email's HTML: inline styles, and links that navigate the window on a click. No scripts,
 * forms or external resources, like a mail program.
 */
export const framePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "frame-ancestors 'self'",
  'sandbox allow-popups allow-top-navigation-by-user-activation',
].join('; ')

/** The colour schemes of the preview; without one, that of the system applies. */
export const schemes = ['light', 'dark'] as const
export type ColorScheme = (typeof schemes)[number]

/** Parses the scheme in a URL; undefined if it is missing or unknown. */
export function parseColorScheme(given: unknown): ColorScheme | undefined {
  return schemes.find((scheme) => scheme === given)
}

/**
 * Prepares an email's HTML for the frame: links open in the window, because pages do not work in a sandbox. With a scheme,
 * the email's media queries for dark mode always or never match.
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

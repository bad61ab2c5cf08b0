/** The Content-Security-Policy of an email in the preview frame: no scripts, forms or external resources. */
export const framePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "frame-ancestors 'self'",
  'sandbox allow-popups allow-top-navigation-by-user-activation',
].join('; ')

export const colorSchemes = ['light', 'dark'] as const
export type ColorScheme = (typeof colorSchemes)[number]

export function parseColorScheme(given: unknown): ColorScheme | undefined {
  return colorSchemes.find((scheme) => scheme === given)
}

/** Prepares an email for the preview frame: links leave the sandboxed frame, and `scheme` replaces the colour scheme of the system. */
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

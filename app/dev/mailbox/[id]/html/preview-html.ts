/**
 * What a letter's HTML may do in the frame that shows it: have styles, and lead the window somewhere when clicked. No
 * script, no form, nothing from elsewhere: a mail program grants it no more.
 */
export const framePolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "frame-ancestors 'self'",
  'sandbox allow-popups allow-top-navigation-by-user-activation',
].join('; ')

/** The schemes in which a letter can be looked at; without one, that of the system. */
export const schemes = ['light', 'dark'] as const
export type Scheme = (typeof schemes)[number]

/** A scheme by its name in an address. */
export function readScheme(given: unknown): Scheme | undefined {
  return schemes.find((scheme) => scheme === given)
}

/**
 * The HTML of a letter with its links opening in the window, not in the frame: a page in a sandbox would be crippled.
 * With a scheme, the letter's own rules for dark mail programs hold always, or never.
 */
export function frameHtml(html: string, scheme?: Scheme): string {
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

import Negotiator from 'negotiator'

/** The supported languages, each with a file in `messages/`. The first one, English, is the default of the endpoints. */
export const languages = [
  'en',
  'de',
  'fr',
  'es',
  'pt-BR',
  'it',
  'nl',
  'pl',
  'uk',
  'tr',
  'id',
  'vi',
  'ja',
  'ko',
  'zh-Hans',
  'zh-Hant',
  'hi',
  'ar',
  'he',
  'fa',
] as const

export type Language = (typeof languages)[number]

export function isLanguage(text: string): text is Language {
  return (languages as readonly string[]).includes(text)
}

/** The most characters of an `Accept-Language`. A longer one is ignored, because parsing it would take too much time. */
const maxHeaderLength = 512

/** The most languages of a header that are tried, the preferred ones first. */
const maxLanguages = 10

/**
 * Chooses the best supported language for an `Accept-Language` header (RFC 9110 §12.5.4).
 *
 * @returns `fallback` if the header is absent or too long, or if Rekey does not support any of the ten languages that the header prefers;
 *   `*` is ignored
 */
export function preferredLanguage(acceptLanguage: string | null, fallback: Language): Language {
  if (acceptLanguage === null || acceptLanguage.length > maxHeaderLength) return fallback
  const wanted = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).languages()
  for (const tag of wanted.filter((one) => one !== '*').slice(0, maxLanguages)) {
    const language = nearestLanguage(tag)
    if (language !== undefined) return language
  }
  return fallback
}

/**
 * Chooses the supported language for an account's stored locale; undefined if none matches. Other applications may have stored the
 * locale, such as `de-AT`, or `pt_BR` as POSIX and Django spell it.
 */
export function languageOfLocale(locale: string | null): Language | undefined {
  return locale === null ? undefined : nearestLanguage(locale.replaceAll('_', '-'))
}

const maximizedLanguages = languages.map((code) => ({ code, locale: new Intl.Locale(code).maximize() }))

/**
 * Finds the supported language for a language tag. Likely scripts and regions complete all tags (UTS #35, "Likely Subtags"). Chooses
 * preferably one with the same script and region, else with the same script, else any of the same language. Results are not cached,
 * because clients could fill a cache with invented tags.
 */
function nearestLanguage(tag: string): Language | undefined {
  let wanted: Intl.Locale
  try {
    wanted = new Intl.Locale(tag).maximize()
  } catch {
    return undefined // not a language tag (BCP 47)
  }
  const related = maximizedLanguages.filter(({ locale }) => locale.language === wanted.language)
  const readable = related.filter(({ locale }) => locale.script === wanted.script)
  const same = readable.find(({ locale }) => locale.region === wanted.region)
  return (same ?? readable[0] ?? related[0])?.code
}

export function directionOf(language: string): 'ltr' | 'rtl' {
  return /^(ar|he|fa)\b/.test(language) ? 'rtl' : 'ltr'
}

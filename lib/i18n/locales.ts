import Negotiator from 'negotiator'

/** The first one, English, is the default of the endpoints. */
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

/** In characters. A longer `Accept-Language` is ignored, because parsing it would take too much time. */
const maxHeaderLength = 512

const maxLanguages = 10

/** Chooses a supported language for an `Accept-Language` header (RFC 9110 §12.5.4), else returns `fallback`. */
export function preferredLanguage(acceptLanguage: string | null, fallback: Language): Language {
  if (acceptLanguage === null || acceptLanguage.length > maxHeaderLength) return fallback
  const wanted = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).languages()
  for (const tag of wanted.filter((one) => one !== '*').slice(0, maxLanguages)) {
    const language = nearestLanguage(tag)
    if (language !== undefined) return language
  }
  return fallback
}

/** Chooses the language for the locale of an account, such as `de-AT`, or `pt_BR` as POSIX and Django spell it. */
export function languageOfLocale(locale: string | null): Language | undefined {
  return locale === null ? undefined : nearestLanguage(locale.replaceAll('_', '-'))
}

const maximizedLanguages = languages.map((code) => ({ code, locale: new Intl.Locale(code).maximize() }))

/**
 * Prefers a language with the same script and region, else one with the same script (UTS #35, "Likely Subtags"). Results are not cached,
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

import Negotiator from 'negotiator'

/** The languages that Rekey speaks, a file each in `messages/`. The first is the one that every text exists in. */
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

/** Longer headers are no browser's. */
const longestHeader = 512

/** Languages of a header that are looked at, the most wanted first; a browser rarely names more. */
const mostWanted = 10

/**
 * The best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4).
 *
 * @returns `fallback` where the header names none of ours, is absent or is malformed
 */
export function preferredLanguage(acceptLanguage: string | null, fallback: Language): Language {
  if (acceptLanguage === null || acceptLanguage.length > longestHeader) return fallback
  const wanted = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).languages()
  for (const tag of wanted.filter((one) => one !== '*').slice(0, mostWanted)) {
    const ours = nearestLanguage(tag)
    if (ours !== undefined) return ours
  }
  return fallback
}

/**
 * The language of ours for the locale that is stored with an account, perhaps by another application: `de-AT`, or
 * `pt_BR` as POSIX and Django spell it. Undefined where there is none.
 */
export function storedLanguage(locale: string | null): Language | undefined {
  return locale === null ? undefined : nearestLanguage(locale.replaceAll('_', '-'))
}

const oursMaximized = languages.map((code) => ({ code, locale: new Intl.Locale(code).maximize() }))

/**
 * The language of ours that a tag means, its likely script and region added (UTS #35, "Likely Subtags"): the same, else
 * one of the same script, else of another. Remembers nothing, since anybody may make up tags.
 */
function nearestLanguage(tag: string): Language | undefined {
  let wanted: Intl.Locale
  try {
    wanted = new Intl.Locale(tag).maximize()
  } catch {
    return undefined // not a language tag (BCP 47)
  }
  const related = oursMaximized.filter(({ locale }) => locale.language === wanted.language)
  const readable = related.filter(({ locale }) => locale.script === wanted.script)
  const same = readable.find(({ locale }) => locale.region === wanted.region)
  return (same ?? readable[0] ?? related[0])?.code
}

/** The direction in which a language is written. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return /^(ar|he|fa|ur)\b/.test(language) ? 'rtl' : 'ltr'
}

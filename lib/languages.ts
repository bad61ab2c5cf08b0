import { match } from '@formatjs/intl-localematcher'
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

/** Longer headers are no browser's; matching costs time per entry. */
const longestHeader = 512

/**
 * The best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4, matched as in BCP 47).
 *
 * @returns `fallback` where the header names none of ours, is absent or is malformed
 */
export function preferredLanguage(acceptLanguage: string | null, fallback: Language): Language {
  if (acceptLanguage === null || acceptLanguage.length > longestHeader) return fallback
  const wanted = new Negotiator({ headers: { 'accept-language': acceptLanguage } })
    .languages()
    .filter((tag) => tag !== '*' && isTag(tag))
  if (wanted.length === 0) return fallback
  const best = match(wanted, languages, 'x-none')
  return isLanguage(best) ? best : fallback
}

function isTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

/** The direction in which a language is written. */
export function directionOf(language: string): 'ltr' | 'rtl' {
  return /^(ar|he|fa|ur)\b/.test(language) ? 'rtl' : 'ltr'
}

import { isLanguage, languages, preferredLanguage, type Language } from '@/lib/i18n/locales'

/** Falls back to English. DEFAULT_LOCALE has no effect, because clients that were written for DRR compare the English messages. */
export function requestLanguage(request: Request): Language {
  return (
    chosenLanguageOf(request.headers) ??
    preferredLanguage(request.headers.get('accept-language'), languages[0])
  )
}

/**
 * Returns the language of the URL's parameter `lang`; undefined if absent or not supported. The server in front of Next passes it in a
 * header, because layouts and not-found pages get no query from Next.
 */
export function chosenLanguageOf(headers: Pick<Headers, 'get'>): Language | undefined {
  const chosen = headers.get('x-rekey-language')
  return chosen !== null && isLanguage(chosen) ? chosen : undefined
}

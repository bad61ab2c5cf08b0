import { isLanguage, languages, preferredLanguage, type Language } from '@/lib/i18n/locales'

/**
 * Returns the language of the response to a request: the one chosen on the page of the form, else the best for `Accept-Language`, else
 * English. DEFAULT_LOCALE has no effect, because clients that were written for DRR compare the English messages.
 */
export function requestLanguage(request: Request): Language {
  return (
    chosenLanguageOf(request.headers) ??
    preferredLanguage(request.headers.get('accept-language'), languages[0])
  )
}

/**
 * Returns the language chosen on a page; undefined if none was chosen or it is not supported. The choice is the parameter `lang` of the
 * URL, so it needs no cookie. The server in front of Next passes the parameter as a header, because layouts and not-found pages get no
 * query from Next.
 */
export function chosenLanguageOf(headers: Pick<Headers, 'get'>): Language | undefined {
  const chosen = headers.get('x-rekey-language')
  return chosen !== null && isLanguage(chosen) ? chosen : undefined
}

import { isLanguage, languages, preferredLanguage, type Language } from '@/lib/i18n/locales'

/**
 * Returns the language chosen on the page of the form, else that of `Accept-Language`. The default is English even if
 * DEFAULT_LOCALE differs, because clients written for DRR compare messages.
 */
export function requestLanguage(request: Request): Language {
  return (
    chosenLanguageOf(request.headers) ??
    preferredLanguage(request.headers.get('accept-language'), languages[0])
  )
}

/**
 * Returns the language chosen on a page; undefined if none was chosen or it is not supported. The choice is in the page's URL, so
 * it needs no cookie. The front server passes it as a header, because layouts and not-found pages get no query from Next.
 */
export function chosenLanguageOf(headers: Pick<Headers, 'get'>): Language | undefined {
  const chosen = headers.get('x-rekey-language')
  return chosen !== null && isLanguage(chosen) ? chosen : undefined
}

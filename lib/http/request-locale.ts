import { isLanguage, languages, preferredLanguage, type Language } from '@/lib/i18n/locales'

/**
 * The language chosen on the page that a form comes from, else the one that the client asks for. English where nothing
 * is asked for, whatever the pages' default is: clients written for DRR compare the words.
 */
export function requestLocale(request: Request): Language {
  return (
    chosenLocale(request.headers) ?? preferredLanguage(request.headers.get('accept-language'), languages[0])
  )
}

/**
 * What a visitor chose on a page; undefined where it is none of ours. It travels in the address, so no cookie is needed;
 * the server in front says it, because Next shows a layout and the page for what is not found no query.
 */
export function chosenLocale(headers: Pick<Headers, 'get'>): Language | undefined {
  const chosen = headers.get('x-rekey-language')
  return chosen !== null && isLanguage(chosen) ? chosen : undefined
}

import { isLanguage, languages, preferredLanguage, type Language } from '../languages'

/**
 * The language chosen on the page that a form comes from, else the one that the client asks for. English where nothing
 * is asked for, whatever the pages' default is: clients written for DRR compare the words.
 */
export function languageOf(request: Request): Language {
  return chosenLanguage(request) ?? preferredLanguage(request.headers.get('accept-language'), languages[0])
}

export function chosenLanguage(request: Request): Language | undefined {
  const chosen = new URL(request.url).searchParams.get('lang')
  return chosen !== null && isLanguage(chosen) ? chosen : undefined
}

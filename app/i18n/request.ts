import { headers } from 'next/headers'
import { getRequestConfig } from 'next-intl/server'
import { chosenLanguageOf } from '@/lib/http/request-language'
import { isLanguage, preferredLanguage, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'

/** Returns the language in the parameter `lang` of the URL; undefined if there is none, or it is not supported. */
export async function chosenLanguage(): Promise<Language | undefined> {
  return chosenLanguageOf(await headers())
}

/**
 * Returns the path of a page or endpoint, with the path of PUBLIC_URL. Adds `?lang=` unless a request without this parameter leads
 * to `language`, too.
 */
export async function pathInLanguage(path: `/${string}`, language: Language): Promise<string> {
  return pathInApp(services().settings, await redirectPathInLanguage(path, language))
}

/** Like `pathInLanguage`, but without the path of PUBLIC_URL, which Next's `redirect` adds itself. */
export async function redirectPathInLanguage(path: `/${string}`, language: Language): Promise<`/${string}`> {
  return language === (await browserLanguage()) ? path : `${path}?lang=${language}`
}

/** Returns the language for this visitor: the chosen one, else the browser's. */
export async function visitorLanguage(): Promise<Language> {
  return (await chosenLanguage()) ?? browserLanguage()
}

/** Returns the best supported language that the browser accepts, else DEFAULT_LOCALE. */
async function browserLanguage(): Promise<Language> {
  const accepted = (await headers()).get('accept-language')
  return preferredLanguage(accepted, services().settings.defaultLocale)
}

/** Loads the messages for server components. Forms get messages as properties, so that the browser loads no message files. */
export default getRequestConfig(async ({ locale }) => {
  const language = locale !== undefined && isLanguage(locale) ? locale : await visitorLanguage()
  const { default: messages } = (await import(`@/messages/${language}.json`)) as {
    default: Record<string, never>
  }
  return { locale: language, messages }
})

import { headers } from 'next/headers'
import { getRequestConfig } from 'next-intl/server'
import { chosenLanguageOf } from '@/lib/http/request-language'
import { isLanguage, preferredLanguage, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'

/** Returns the language that the parameter `lang` of the URL chooses, if any. */
export async function chosenLanguage(): Promise<Language | undefined> {
  return chosenLanguageOf(await headers())
}

/** Returns a path with the path of PUBLIC_URL, and with `?lang=` unless `browserLanguage()` is this language anyway. */
export async function pathInLanguage(path: `/${string}`, language: Language): Promise<string> {
  return pathInApp(services().settings, await pathForRedirect(path, language))
}

/** Like `pathInLanguage`, but without the path of PUBLIC_URL, which Next's `redirect` adds itself. */
export async function pathForRedirect(path: `/${string}`, language: Language): Promise<`/${string}`> {
  return language === (await browserLanguage()) ? path : `${path}?lang=${language}`
}

export async function visitorLanguage(): Promise<Language> {
  return (await chosenLanguage()) ?? browserLanguage()
}

async function browserLanguage(): Promise<Language> {
  const accepted = (await headers()).get('accept-language')
  return preferredLanguage(accepted, services().settings.defaultLocale)
}

/** Client components get messages as properties, so that the browser loads no message files. */
export default getRequestConfig(async ({ locale }) => {
  const language = locale !== undefined && isLanguage(locale) ? locale : await visitorLanguage()
  const { default: messages } = (await import(`@/messages/${language}.json`)) as {
    default: Record<string, never>
  }
  return { locale: language, messages }
})

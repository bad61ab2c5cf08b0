import { headers } from 'next/headers'
import { getRequestConfig } from 'next-intl/server'
import { chosenLocale } from '@/lib/http/request-locale'
import { isLanguage, preferredLanguage, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'

/** What this visitor chose on a page; undefined where it is none of ours. */
export async function chosenLanguage(): Promise<Language | undefined> {
  return chosenLocale(await headers())
}

/** The link to a page or endpoint in this language, which it names only where the browser's own wish would lead elsewhere. */
export async function keepLanguage(path: `/${string}`, language: Language): Promise<string> {
  return pathInApp(services().settings, await routeInLanguage(path, language))
}

/** The same for Next's `redirect`, which puts the path of PUBLIC_URL before it by itself. */
export async function routeInLanguage(path: `/${string}`, language: Language): Promise<`/${string}`> {
  return language === (await browserLanguage()) ? path : `${path}?lang=${language}`
}

/** The language to show this visitor: the chosen one, else the browser's. */
export async function visitorLanguage(): Promise<Language> {
  return (await chosenLanguage()) ?? browserLanguage()
}

/** The best of ours that the browser asks for, else DEFAULT_LOCALE. */
async function browserLanguage(): Promise<Language> {
  const asked = (await headers()).get('accept-language')
  return preferredLanguage(asked, services().settings.defaultLocale)
}

/** Words for server components. Those of forms are passed to them as properties, so the browser loads no word files. */
export default getRequestConfig(async ({ locale }) => {
  const language = locale !== undefined && isLanguage(locale) ? locale : await visitorLanguage()
  const { default: messages } = (await import(`@/messages/${language}.json`)) as {
    default: Record<string, never>
  }
  return { locale: language, messages }
})

import { headers } from 'next/headers'
import { getRequestConfig } from 'next-intl/server'
import { isLanguage, preferredLanguage, type Language } from '@/lib/languages'
import { services } from '@/lib/services'
import type { Query } from './problems'

/** What a visitor chose on a page; undefined where it is none of ours. It travels in the address, so no cookie is needed. */
export function chosenLanguage({ lang }: Query): Language | undefined {
  return typeof lang === 'string' && isLanguage(lang) ? lang : undefined
}

/** A page or endpoint of ours in this language, which it is told only where the browser's own wish would lead elsewhere. */
export async function keepLanguage(path: string, language: Language): Promise<string> {
  return language === (await visitorLanguage()) ? path : `${path}?lang=${language}`
}

/**
 * The language to show this visitor: the chosen one, else the best of ours that the browser asks for, else
 * DEFAULT_LOCALE.
 */
export async function visitorLanguage(chosen?: Language): Promise<Language> {
  if (chosen !== undefined) return chosen
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

import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { wordsOf, type Words } from './messages'

/** What the endpoints can say; the wording of each language is in `messages/`. */
export type ApiMessage = keyof Words['api']

/** Puts an API message into words. */
export function sayApi(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  return createTranslator({ locale: language, messages: wordsOf(language).api })(message, values)
}

import { createTranslator } from 'use-intl/core'
import type { Language } from './languages'
import { wordsOf, type Words } from './words'

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

import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { wordsOf, type Words } from './messages'

/** The keys of the messages that endpoints return; their texts are in `messages/`. */
export type ApiMessage = keyof Words['api']

/** Formats an API message in a language. */
export function sayApi(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  return createTranslator({ locale: language, messages: wordsOf(language).api })(message, values)
}

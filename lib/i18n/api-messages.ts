import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { getMessages, type Messages } from './messages'

/** The keys of the messages that endpoints return; their texts are in `messages/`. */
export type ApiMessage = keyof Messages['api']

/** Formats an API message in a language. */
export function formatApiMessage(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  return createTranslator({ locale: language, messages: getMessages(language).api })(message, values)
}

import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { getMessages, type Messages } from './messages'

/** The keys of the messages that endpoints return; their texts are in `messages/`. */
export type ApiMessage = keyof Messages['api']

/** By language: a translator parses each message once, and there is a fixed number of both. */
const translators = new Map<Language, ReturnType<typeof createApiTranslator>>()

const createApiTranslator = (language: Language) =>
  createTranslator({ locale: language, messages: getMessages(language).api })

/** Formats an API message in a language. */
export function formatApiMessage(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  let translate = translators.get(language)
  if (translate === undefined) translators.set(language, (translate = createApiTranslator(language)))
  return translate(message, values)
}

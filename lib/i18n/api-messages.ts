import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { getMessages, type Messages } from './messages'

/** The keys of the messages that endpoints return; their texts are in `messages/`. */
export type ApiMessage = keyof Messages['api']

/** Translators by language. They are cached, because a translator parses each message only once. */
const translators = new Map<Language, ReturnType<typeof createApiTranslator>>()

const createApiTranslator = (language: Language) =>
  createTranslator({ locale: language, messages: getMessages(language).api })

/** Formats the message of an endpoint in a language. `values` are for its placeholders. */
export function formatApiMessage(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  let translate = translators.get(language)
  if (translate === undefined) translators.set(language, (translate = createApiTranslator(language)))
  return translate(message, values)
}

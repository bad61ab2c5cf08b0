import { createTranslator } from 'use-intl/core'
import type { Language } from './locales'
import { getMessages, type Messages } from './messages'

export type ApiMessage = keyof Messages['api']

/** Cached, because a translator parses each message only once. */
const translators = new Map<Language, ReturnType<typeof createApiTranslator>>()

const createApiTranslator = (language: Language) =>
  createTranslator({ locale: language, messages: getMessages(language).api })

export function formatApiMessage(
  language: Language,
  message: ApiMessage,
  values: Record<string, string | number> = {},
): string {
  let translate = translators.get(language)
  if (translate === undefined) translators.set(language, (translate = createApiTranslator(language)))
  return translate(message, values)
}

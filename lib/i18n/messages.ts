import ar from '@/messages/ar.json'
import de from '@/messages/de.json'
import en from '@/messages/en.json'
import es from '@/messages/es.json'
import fa from '@/messages/fa.json'
import fr from '@/messages/fr.json'
import he from '@/messages/he.json'
import hi from '@/messages/hi.json'
import id from '@/messages/id.json'
import it from '@/messages/it.json'
import ja from '@/messages/ja.json'
import ko from '@/messages/ko.json'
import nl from '@/messages/nl.json'
import pl from '@/messages/pl.json'
import ptBR from '@/messages/pt-BR.json'
import tr from '@/messages/tr.json'
import uk from '@/messages/uk.json'
import vi from '@/messages/vi.json'
import zhHans from '@/messages/zh-Hans.json'
import zhHant from '@/messages/zh-Hant.json'
import type { Language } from './locales'

export type Messages = typeof en

const messages: Record<Language, Messages> = {
  en,
  de,
  fr,
  es,
  'pt-BR': ptBR,
  it,
  nl,
  pl,
  uk,
  tr,
  id,
  vi,
  ja,
  ko,
  'zh-Hans': zhHans,
  'zh-Hant': zhHant,
  hi,
  ar,
  he,
  fa,
}

/** For the server only: in a browser, importing this file would load all languages. */
export function getMessages(language: Language): Messages {
  return messages[language]
}

import { readFileSync } from 'node:fs'
import { createTranslator } from 'use-intl/core'
import type { Language } from '@/lib/i18n/locales'
import { writtenMessages, type Messages } from './messages'

const ownNames: Record<Language, string> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
  'pt-BR': 'Português (Brasil)',
  it: 'Italiano',
  nl: 'Nederlands',
  pl: 'Polski',
  uk: 'Українська',
  tr: 'Türkçe',
  id: 'Bahasa Indonesia',
  vi: 'Tiếng Việt',
  ja: '日本語',
  ko: '한국어',
  'zh-Hans': '中文（简体）',
  'zh-Hant': '中文（繁體）',
  hi: 'हिन्दी',
  ar: 'العربية',
  he: 'עברית',
  fa: 'فارسی',
}

export function messagesIn(language: Language): Messages {
  return language in writtenMessages
    ? writtenMessages[language as keyof typeof writtenMessages]
    : messagesOfFile(language)
}

/** Tests with these messages cannot notice a wrong text, so they also check that pages show no English, placeholder or key. */
export function messagesOfFile(language: Language): Messages {
  const file = new URL(`../../../messages/${language}.json`, import.meta.url)
  const messages = JSON.parse(readFileSync(file, 'utf8')) as Record<string, never>
  const translate = createTranslator({
    locale: language,
    messages,
    onError(error) {
      throw error
    },
  })
  const values = { loginField: 'login', hours: 1, minutes: 59, min: 15, max: 256, appName: 'Rekey' }
  const say = (key: string): string => translate(key as never, values as never)
  const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const sayAnyTime = (key: string): RegExp => {
    const parts = String(translate.raw(key as never)).split('{when}')
    return new RegExp(`^${parts.map(literally).join('.*\\S.*')}$`)
  }
  const sayAnyNumber = (key: string): RegExp => {
    const number = new Intl.NumberFormat(language).format(values.minutes)
    return new RegExp(say(key).split(number).map(literally).join('\\p{Nd}+'), 'u')
  }
  return {
    languages: `${say('pages.frame.language')}: ${ownNames[language]}`,
    request: {
      title: say('pages.ask.title'),
      field: say('pages.ask.label'),
      submit: say('pages.ask.submit'),
      busy: say('pages.ask.busy'),
      missing: say('pages.ask.missing'),
      unknown: say('pages.ask.unknown'),
    },
    sent: {
      title: say('pages.sent.title'),
      life: say('pages.sent.life-hours'),
      again: say('pages.sent.again'),
      tooSoon: sayAnyTime('pages.sent.too-soon'),
      requestedAgain: say('pages.sent.asked-again'),
      change: say('pages.sent.change'),
      requestAgain: /<ask>(.*)<\/ask>/.exec(String(translate.raw('pages.sent.again-later' as never)))![1]!,
    },
    reset: {
      title: say('pages.reset.title'),
      livesFor: sayAnyNumber('pages.reset.lives-for'),
      password: say('pages.reset.password'),
      show: say('pages.reset.show-password'),
      submit: say('pages.reset.submit'),
      busy: say('pages.reset.busy'),
      typing: say('pages.reset.typing'),
      confirm: say('pages.reset.confirm'),
      mismatch: say('pages.password-problems.confirm-mismatch'),
      tooShort: say('pages.password-problems.too-short'),
      tooLong: say('pages.password-problems.too-long'),
      digits: say('pages.password-problems.numeric'),
      common: say('pages.password-problems.too-common'),
      similar: say('pages.password-problems.too-similar'),
      missing: say('pages.password-problems.missing'),
      strength: {
        easy: say('pages.reset.strength-easy'),
        fair: say('pages.reset.strength-fair'),
        hard: say('pages.reset.strength-hard'),
      },
      again: say('pages.reset.again'),
    },
    done: { title: say('pages.done.title'), signIn: say('pages.done.sign-in') },
    dead: {
      used: say('pages.dead-link.used-title'),
      expired: say('pages.dead-link.expired-title'),
      damaged: say('pages.dead-link.damaged-title'),
      missing: say('pages.dead-link.missing-title'),
      away: say('pages.dead-link.away-title'),
      renew: say('pages.dead-link.renew'),
      requestNew: say('pages.dead-link.ask'),
      elsewhere: say('pages.dead-link.elsewhere'),
      retry: say('pages.dead-link.away-retry'),
    },
    troubles: {
      throttled: say('pages.troubles.throttled'),
      throttledFor: sayAnyTime('pages.troubles.throttled-for'),
      unavailable: say('pages.troubles.unavailable'),
      secondFactor: say('pages.troubles.second-factor'),
      exhausted: say('api.second-factor-exhausted'),
      offline: say('pages.troubles.offline'),
      gone: say('pages.troubles.user-not-found'),
    },
    cancel: {
      title: say('pages.cancel.title'),
      submit: say('pages.cancel.submit'),
      submitChanged: say('pages.cancel.submit-changed'),
      done: say('pages.cancel.done-title'),
      used: say('pages.cancel.used-title'),
      expired: say('pages.cancel.expired-title'),
      damaged: say('pages.cancel.damaged-title'),
      away: say('pages.dead-link.away-title'),
    },
    notFound: { title: say('pages.not-found.title'), request: say('pages.not-found.ask') },
    crash: { title: say('pages.error.title'), retry: say('pages.error.retry') },
    email: { subject: say('emails.reset.subject') },
  }
}

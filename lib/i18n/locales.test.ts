import { describe, expect, test } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { directionOf, languages, preferredLanguage, languageOfLocale } from './locales'

describe('the language of a request', () => {
  test.each([
    ['de-CH, en;q=0.5', 'de'],
    ['da, fr;q=0.8', 'fr'],
    ['en;q=0.3, ja;q=0.9', 'ja'],
    ['zh-TW', 'zh-Hant'],
    ['zh-HK', 'zh-Hant'],
    ['zh-CN', 'zh-Hans'],
    ['zh', 'zh-Hans'],
    ['pt-BR', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['es-419', 'es'],
    ['iw', 'he'],
    ['pt', 'pt-BR'],
    ['de-AT', 'de'],
    ['zh-Hant-CN', 'zh-Hant'],
    ['zh-Latn', 'zh-Hans'],
    ['*, it;q=0.1', 'it'],
  ])('a request with Accept-Language: %s gets a response in %s', (header, language) => {
    expect(preferredLanguage(header, 'en')).toBe(language)
  })

  test.each([
    null,
    '',
    '*',
    'da',
    'de;q=0',
    ';;;',
    'x'.repeat(10_000),
    '\u0000',
    'en-'.repeat(100),
    '١',
    'de_DE,__proto__',
  ])('a request with Accept-Language: %j gets a response in the default language', (header) => {
    expect(preferredLanguage(header, 'uk')).toBe('uk')
  })
})

test('only the ten most preferred languages of Accept-Language are considered [I3]', () => {
  const unknownTags = Array.from({ length: 10 }, (_, n) => `q${String.fromCharCode(97 + n)}`)
  expect(preferredLanguage([...unknownTags.slice(1), 'de'].join(), 'uk')).toBe('de')
  expect(preferredLanguage([...unknownTags, 'de'].join(), 'uk')).toBe('uk')
})

test('a hundred headers full of different languages are read within half a second [I3, C14]', async () => {
  const letters = Array.from({ length: 26 }, (_, n) => String.fromCharCode(97 + n))
  const unknownTags = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => `${a}${b}${c}`)))
  const headers = Array.from({ length: 100 }, (_, n) => unknownTags.slice(n * 128, (n + 1) * 128).join())
  expect(headers.every(({ length }) => length === 511)).toBe(true)
  const readAll = () => headers.forEach((header) => preferredLanguage(header, 'en'))
  expect(await cpuTimeOf(readAll, 500)).toBeLessThan(500)
})

describe('the language of an account', () => {
  test.each([
    ['de', 'de'],
    ['de-AT', 'de'],
    ['pt', 'pt-BR'],
    ['pt_BR', 'pt-BR'],
    ['zh-TW', 'zh-Hant'],
    ['zh_Hans_CN', 'zh-Hans'],
    ['tlh', undefined],
    ['de_DE.UTF-8', undefined],
    ['*', undefined],
    ['', undefined],
    [null, undefined],
  ])('an account with the locale %j gets emails in %s', (locale, language) => {
    expect(languageOfLocale(locale)).toBe(language)
  })
})

test('there are twenty languages, and three of them are written from right to left', () => {
  expect(languages).toHaveLength(20)
  expect(languages.filter((language) => directionOf(language) === 'rtl')).toEqual(['ar', 'he', 'fa'])
})

import { describe, expect, test } from 'vitest'
import { cpuTimeSince } from '@/e2e/support/cpu-time'
import { directionOf, languages, preferredLanguage, storedLanguage } from './locales'

describe('Accept-Language', () => {
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
  ])('%s is answered in %s', (header, language) => {
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
  ])('%j is answered in the fallback', (header) => {
    expect(preferredLanguage(header, 'uk')).toBe('uk')
  })
})

test('of a header made of tags that nobody speaks, only the most wanted are looked at [I3]', () => {
  const madeUp = Array.from({ length: 10 }, (_, n) => `q${String.fromCharCode(97 + n)}`)
  expect(preferredLanguage([...madeUp.slice(1), 'de'].join(), 'uk')).toBe('de')
  expect(preferredLanguage([...madeUp, 'de'].join(), 'uk')).toBe('uk')
})

test('a header full of tags costs next to nothing, however many others were sent before [I3, C14]', () => {
  const letters = Array.from({ length: 26 }, (_, n) => String.fromCharCode(97 + n))
  const madeUp = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => `${a}${b}${c}`)))
  const headers = Array.from({ length: 100 }, (_, n) => madeUp.slice(n * 128, (n + 1) * 128).join())
  expect(headers.every(({ length }) => length === 511)).toBe(true)
  const start = process.cpuUsage()
  for (const header of headers) preferredLanguage(header, 'en')
  expect(cpuTimeSince(start)).toBeLessThan(500)
})

describe('the locale of an account', () => {
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
  ])('%j is spoken in %s', (locale, language) => {
    expect(storedLanguage(locale)).toBe(language)
  })
})

test('there are twenty languages, and three are written from the right', () => {
  expect(languages).toHaveLength(20)
  expect(languages.filter((language) => directionOf(language) === 'rtl')).toEqual(['ar', 'he', 'fa'])
})

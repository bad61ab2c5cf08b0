import { describe, expect, test } from 'vitest'
import { directionOf, languages, preferredLanguage } from './languages'

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

test('there are twenty languages, and three are written from the right', () => {
  expect(languages).toHaveLength(20)
  expect(languages.filter((language) => directionOf(language) === 'rtl')).toEqual(['ar', 'he', 'fa'])
})

import { readdirSync, readFileSync } from 'node:fs'
import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { cpuTimeSince } from '@/e2e/support/cpu-time'
import { derivedPasswords, grace } from '@/e2e/support/derived-passwords'
import { isLong } from '@/e2e/support/long-form'
import { createPasswordPolicy } from './policy'

const phrases = isLong ? 100_000 : 10_000
vi.setConfig({ testTimeout: isLong ? 600_000 : 120_000 })

const service = { appName: 'Rekey', host: 'accounts.northwind.example' }
const policy = createPasswordPolicy({ minLength: 15, outerSpaces: 'keep', ...service })
const short = createPasswordPolicy({ minLength: 8, outerSpaces: 'keep', ...service })
const codes = (password: string, of = policy) => of.judge(password, grace).map(({ code }) => code)

describe('derived from what a guesser tries', () => {
  test('P13: the table has forty kinds and more', () => {
    expect(new Set(derivedPasswords.map(([, password]) => password)).size).toBeGreaterThanOrEqual(40)
  })

  test.each(derivedPasswords)('P13: %s is too common', (_what, password) => {
    expect(codes(password)).toEqual(['too-common'])
    expect(codes(password, short)).toEqual(['too-common'])
  })

  test('P13: no length makes it better', () => {
    for (const [, password] of derivedPasswords) {
      const parts = Array.from(password)
      const longer = Array.from({ length: 250 }, (_, at) => parts[at % parts.length]).join('')
      expect(codes(longer)).toEqual(['too-common'])
    }
  })

  test('P13: a part that is long enough by itself may be repeated', () => {
    expect(codes('gravel lantern orbit '.repeat(4))).toEqual([])
    expect(codes('gravel lantern '.repeat(4))).toEqual(['too-common'])
  })

  test('P13: where outer spaces are refused too, both reasons are given', () => {
    const strict = createPasswordPolicy({ minLength: 15, outerSpaces: 'refuse', ...service })
    expect(codes('rekeyrekeyrekey ', strict)).toEqual(['too-common', 'outer-spaces'])
  })
})

describe('a passphrase of unrelated words', () => {
  test.each([
    'gravel lantern orbit',
    'sunshine football',
    'dragon monkey letmein',
    'my password1 is very long',
    'qwerty123456789 rides again',
    'northwind traders sell gravel',
    'Grace plays the violin',
    '  gravel  lantern  ',
    'far far away in the north',
    'кот пьёт чай вечером',
    '如果明天下雨我就不去了吗好的呢',
    'می‌خواهم چای بنوشم',
    '🦉🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤',
    'カエルガソラヲトブヨルニ月',
    '83#72!61@94$82%73',
    '06a1ed808d14b41278ae3ddb',
  ])('P13: %s is taken', (password) => {
    expect(codes(password, short)).toEqual([])
  })

  /** By name: words of one list. Ours of twenty languages stand in `messages`. */
  const lists = new Map(
    readdirSync('messages')
      .filter((name) => name.endsWith('.json'))
      .map((name) => [name, wordsOf(name.slice(0, -5), readFileSync(`messages/${name}`, 'utf8'))] as const),
  )
  lists.set('Diceware', dictionary['diceware-common'])
  lists.set(
    'common passwords that are words',
    dictionary['passwords-common'].filter(
      (word, at) => at < 5_000 && dictionary['diceware-common'].includes(word),
    ),
  )

  test(`P13: of ${phrases} made from words of many languages, none is refused`, () => {
    expect(lists.size).toBe(22)
    const words = fc
      .constantFrom(...lists.values())
      .chain((list) => fc.uniqueArray(fc.constantFrom(...list), { minLength: 3, maxLength: 7 }))
    const phrase = fc
      .tuple(words, fc.constantFrom(' ', '-', '', '.', '1 '), fc.constantFrom('', '7', '!', ' 2024'))
      .map(([parts, between, end]) => parts.join(between) + end)
      .filter((text) => Array.from(text).length >= 15 && Array.from(text).length <= 256)
    takesAll(phrase)
  })

  const classes = {
    small: 'abcdefghijklmnopqrstuvwxyz',
    capital: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    digit: '0123456789',
    sign: '-~!@#$%^&*_+=`|(){}[:;"\'<>,.?]',
  }
  const random = (characters: string, length: number) =>
    fc
      .array(fc.nat(characters.length - 1), { minLength: length, maxLength: length })
      .map((at) => at.map((index) => characters.charAt(index)).join(''))
  const all = Object.values(classes).join('')
  const letters = classes.small + classes.capital
  const group = random(letters + classes.digit, 6)

  test(`P13: of ${phrases} that password managers make up, none is refused`, () => {
    takesAll(
      fc.oneof(
        random(classes.small, 15),
        random(letters, 15),
        random(letters + classes.digit, 15),
        random(all, 15),
        random(all, 20),
        random(classes.sign + classes.digit, 20),
        random('0123456789abcdef', 16),
        random('0123456789abcdef', 32),
        random('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16),
        fc.tuple(group, group, group).map((groups) => groups.join('-')),
        fc.uuid({ version: 4 }),
      ),
    )
  })

  /** Every value is drawn evenly, as by a password manager; a failure names the seed. */
  function takesAll(passwords: fc.Arbitrary<string>): void {
    const refused = fc
      .sample(fc.noBias(passwords), { numRuns: phrases, seed: 20_261_129 })
      .filter((password) => codes(password).length > 0)
    expect(refused).toEqual([])
  }
})

test('C14, P13: judging takes no longer than hashing, whatever the text', () => {
  codes('warm up with a long phrase')
  const unit = fc.string({ unit: fc.constantFrom(...'aab1!qwe㎏⒈ﷺ'), minLength: 1, maxLength: 40 })
  const nasty = fc
    .sample(fc.array(unit, { minLength: 2, maxLength: 20 }), { numRuns: 50, seed: 20_261_129 })
    .map((parts) => Array.from(parts.join('').repeat(256)).slice(0, 256).join(''))
  const longest = [
    'qwertyuiop'.repeat(25) + 'x!',
    'passw0rd!'.repeat(28) + 'zzzq',
    '4'.repeat(128) + 'a'.repeat(128),
    '\ufdfa'.repeat(256),
    'ab'.repeat(127) + 'x!',
    'a'.repeat(4_096),
    'gravel lantern orbit '.repeat(195),
  ]
  for (const password of [...nasty, ...longest]) {
    const start = process.cpuUsage()
    codes(password)
    expect(cpuTimeSince(start)).toBeLessThan(500)
  }
})

function wordsOf(language: string, json: string): string[] {
  const texts = JSON.stringify(Object.values(JSON.parse(json) as object)).replace(
    /\{[^{}]*\}|\\n|<[^>]*>/g,
    ' ',
  )
  const segments = new Intl.Segmenter(language, { granularity: 'word' }).segment(texts)
  const words = [...segments].flatMap(({ segment, isWordLike }) =>
    isWordLike ? [segment.toLowerCase()] : [],
  )
  return [...new Set(words)].filter((word) => word.length > 1)
}

import { readdirSync, readFileSync } from 'node:fs'
import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { grace } from '@/e2e/support/derived-passwords'
import { isLong } from '@/e2e/support/long-form'
import { createPasswordPolicy } from './policy'

const phrases = isLong ? 100_000 : 10_000
vi.setConfig({ testTimeout: isLong ? 600_000 : 120_000 })

const policy = createPasswordPolicy({
  minLength: 15,
  outerSpaces: 'keep',
  appName: 'Rekey',
  host: 'accounts.northwind.example',
})

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

test(`none of ${phrases} phrases made of words of many languages is refused [P13]`, () => {
  expect(lists.size).toBe(22)
  const words = fc
    .constantFrom(...lists.values())
    .chain((list) => fc.uniqueArray(fc.constantFrom(...list), { minLength: 3, maxLength: 7 }))
  const phrase = fc
    .tuple(words, fc.constantFrom(' ', '-', '', '.', '1 '), fc.constantFrom('', '7', '!', ' 2024'))
    .map(([parts, between, end]) => parts.join(between) + end)
    .filter((text) => Array.from(text).length >= 15 && Array.from(text).length <= 256)
  expectAllAccepted(phrase)
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

test(`none of ${phrases} passwords such as password managers make is refused [P13]`, () => {
  expectAllAccepted(
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

/** Draws every value evenly, as a password manager does. The seed is fixed, so a failure can be repeated. */
function expectAllAccepted(passwords: fc.Arbitrary<string>): void {
  const refused = fc
    .sample(fc.noBias(passwords), { numRuns: phrases, seed: 20_261_129 })
    .filter((password) => policy.findProblems(password, grace).length > 0)
  expect(refused).toEqual([])
}

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

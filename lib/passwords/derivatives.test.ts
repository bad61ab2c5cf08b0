import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { derivedPasswords, grace } from '@/e2e/support/derived-passwords'
import { createPasswordPolicy } from './policy'

const service = { appName: 'Rekey', host: 'accounts.northwind.example' }
const policy = createPasswordPolicy({ minLength: 15, outerSpaces: 'keep', ...service })
const short = createPasswordPolicy({ minLength: 8, outerSpaces: 'keep', ...service })
const codes = (password: string, of = policy) => of.findProblems(password, grace).map(({ code }) => code)

describe('passwords derived from common passwords and own words', () => {
  test('the table of derived passwords has at least forty kinds [P13]', () => {
    expect(new Set(derivedPasswords.map(([, password]) => password)).size).toBeGreaterThanOrEqual(40)
  })

  test.each(derivedPasswords)('a password is too common if it is %s [P13]', (_what, password) => {
    expect(codes(password)).toEqual(['too-common'])
    expect(codes(password, short)).toEqual(['too-common'])
  })

  test('a derived password is too common at any length [P13]', () => {
    for (const [, password] of derivedPasswords) {
      const parts = Array.from(password)
      const longer = Array.from({ length: 250 }, (_, at) => parts[at % parts.length]).join('')
      expect(codes(longer)).toEqual(['too-common'])
    }
  })

  test('a part that is long enough by itself may be repeated, and a shorter one may not [P13]', () => {
    expect(codes('gravel lantern orbit '.repeat(4))).toEqual([])
    expect(codes('gravel lantern '.repeat(4))).toEqual(['too-common'])
  })

  test.each(['kVq7mPzR2xW9bTj', 'b#3kX-9qfTw!zLm2Rd8v', 'gravellantern42', 'sunshine#4k!x@Zq'])(
    'the acceptable password %s may be repeated any number of times [P13]',
    (password) => {
      for (let times = 1; times * password.length <= 256; times += 1)
        expect(codes(password.repeat(times))).toEqual([])
    },
  )

  test('a derived password with an outer space has both reasons if outer spaces are refused [P13]', () => {
    const strict = createPasswordPolicy({ minLength: 15, outerSpaces: 'refuse', ...service })
    expect(codes('rekeyrekeyrekey ', strict)).toEqual(['too-common', 'outer-spaces'])
  })
})

describe('passphrases of unrelated words', () => {
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
  ])('the passphrase %s is accepted [P13]', (password) => {
    expect(codes(password, short)).toEqual([])
  })
})

test('checking a password takes less than half a second of processor time, whatever the text [C14, P13]', async () => {
  codes('warm up with a long phrase')
  const unit = fc.string({ unit: fc.constantFrom(...'aab1!qwe㎏⒈ﷺ'), minLength: 1, maxLength: 40 })
  const hardToCheck = fc
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
  for (const password of [...hardToCheck, ...longest]) {
    expect(await cpuTimeOf(() => codes(password), 500)).toBeLessThan(500)
  }
})

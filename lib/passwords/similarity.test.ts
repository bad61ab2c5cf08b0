import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cpuTimeSince } from '@/e2e/support/cpu-time'
import { findSimilarityProblem } from './similarity'

const nobody = { username: '', email: '', firstName: '', lastName: '', name: '' }
const alice = {
  username: 'alice',
  email: 'alice@example.com',
  firstName: 'Alice',
  lastName: 'Liddell-Hargreaves',
  name: '',
}

/** Expected values are those of Django's validator on Python 3.11. */
test.each([
  ['alic3', alice, 'too-similar-username'],
  ['Alice999', alice, 'too-similar-username'],
  ['ECILA', alice, 'too-similar-username'],
  ['Alice-example', alice, 'too-similar-email'],
  ['example.com', alice, 'too-similar-email'],
  ['liddell99', alice, 'too-similar-last-name'],
  ['HARGREAVES', alice, 'too-similar-last-name'],
  ['alice-in-wonderland-and-more', alice, undefined],
  ['N3w-correct-horse', alice, undefined],
  ['Alice999', { ...alice, username: 'bob' }, 'too-similar-first-name'],
  ['Żółć-żółć', { ...nobody, lastName: 'ŻÓŁĆ ŻÓŁĆ' }, 'too-similar-last-name'],
  ['😀😀😀x', { ...nobody, username: '😀😀😀' }, 'too-similar-username'],
  ['😀😀😀😀', { ...nobody, username: 'a 😀😀😀' }, undefined],
  ['', alice, undefined],
  ['x', nobody, undefined],
])('%s [P7]', (password, facts, code) => {
  expect(findSimilarityProblem(password, facts)?.code).toBe(code)
})

test('the bound is seven tenths, and counts [P7]', () => {
  // 2 · 7 / 20 is similar enough, 2 · 6 / 20 is not
  expect(findSimilarityProblem('abcdefg123', { ...nobody, username: 'abcdefgxyz' })).toBeDefined()
  expect(findSimilarityProblem('abcdef1234', { ...nobody, username: 'abcdefgxyz' })).toBeUndefined()
})

test('the first fact that matches is told, in the order in which Django looks [P7]', () => {
  const same = {
    username: 'wonderland',
    email: 'wonderland',
    firstName: 'wonderland',
    lastName: 'wonderland',
    name: 'wonderland',
  }
  expect(findSimilarityProblem('wonderland', same)?.code).toBe('too-similar-username')
  expect(findSimilarityProblem('wonderland', { ...same, username: '' })?.code).toBe('too-similar-first-name')
  expect(findSimilarityProblem('wonderland', { ...same, username: '', firstName: '' })?.code).toBe(
    'too-similar-last-name',
  )
  expect(
    findSimilarityProblem('wonderland', { ...same, username: '', firstName: '', lastName: '' })?.code,
  ).toBe('too-similar-name')
  expect(findSimilarityProblem('wonderland', { ...nobody, email: 'x@wonderland.example' })?.code).toBe(
    'too-similar-email',
  )
})

test('where one column has the whole name, a password resembles the whole of it or one of its words [W11]', () => {
  const wilhelmina = { ...nobody, name: 'Wilhelmina van der Lanternby' }
  for (const password of ['wilhelmina van der lanternby', 'Lanternby1', 'wilhelm1na'])
    expect(findSimilarityProblem(password, wilhelmina)?.code).toBe('too-similar-name')
  expect(findSimilarityProblem('correct horse battery', wilhelmina)).toBeUndefined()
})

test('long passwords and long names take no time [C14, CVE-2021-45115]', () => {
  const words = 'ab '.repeat(100_000)
  for (const [password, username] of [
    ['a'.repeat(16_384), words],
    ['ab'.repeat(8_192), 'a '.repeat(100_000)],
    ['😀'.repeat(4_096), '😀,'.repeat(50_000)],
    ['x'.repeat(16_384), 'x'.repeat(1_000_000)],
  ] as const) {
    const start = process.cpuUsage()
    findSimilarityProblem(password, { ...nobody, username })
    expect(cpuTimeSince(start)).toBeLessThan(500)
  }
})

test('counting once gives what comparing word for word gives', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', 'D', '_', ' ', '-', 'é', '😀'),
    maxLength: 24,
  })
  fc.assert(
    fc.property(word, word, (password, username) => {
      const parts = [...username.toLowerCase().split(/[^\p{L}\p{N}_]+/u), username.toLowerCase()]
      const expected =
        password !== '' &&
        parts.some((part) => {
          const [one, other] = [Array.from(password.toLowerCase()), Array.from(part)]
          if (quickRatio(one, other) < 0.7) return false
          return other.length < 9 || quickRatio(pairs(one), pairs(other)) >= 0.3
        })
      expect(findSimilarityProblem(password, { ...nobody, username }) !== undefined).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('a phrase that only has the letters of a long address is not like it [P13]', () => {
  const grace = { ...nobody, email: 'grace.hopper@navy-yard.example' }
  for (const phrase of [
    'sometimesalreadyprogramshappens',
    'spaces.way.happens.error',
    'keyboard.appeared.signature',
  ])
    expect(findSimilarityProblem(phrase, grace)).toBeUndefined()
  for (const like of ['grace-hopper@navy.example', 'hopper.grace.navy-yard', 'navy-yard.example'])
    expect(findSimilarityProblem(like, grace)?.code).toBe('too-similar-email')
})

const pairs = (characters: string[]) =>
  characters.slice(1).map((character, at) => `${characters[at]}${character}`)

/** difflib's, word for word: every character of `b` takes one of `a` away. */
function quickRatio(a: string[], b: string[]): number {
  const left = [...a]
  let matches = 0
  for (const character of b) {
    const at = left.indexOf(character)
    if (at === -1) continue
    left.splice(at, 1)
    matches += 1
  }
  return (2 * matches) / (a.length + b.length)
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { findSimilarityProblem } from './similarity'

const noFacts = { username: '', email: '', firstName: '', lastName: '', name: '' }
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
  ['Żółć-żółć', { ...noFacts, lastName: 'ŻÓŁĆ ŻÓŁĆ' }, 'too-similar-last-name'],
  ['😀😀😀x', { ...noFacts, username: '😀😀😀' }, 'too-similar-username'],
  ['😀😀😀😀', { ...noFacts, username: 'a 😀😀😀' }, undefined],
  ['', alice, undefined],
  ['x', noFacts, undefined],
])('the password %s, of a person with the facts %j, has the problem %s [P7]', (password, facts, code) => {
  expect(findSimilarityProblem(password, facts)?.code).toBe(code)
})

test('a password is similar from a ratio of 0.7 on [P7]', () => {
  // 2 · 7 / 20 is similar enough, 2 · 6 / 20 is not
  expect(findSimilarityProblem('abcdefg123', { ...noFacts, username: 'abcdefgxyz' })).toBeDefined()
  expect(findSimilarityProblem('abcdef1234', { ...noFacts, username: 'abcdefgxyz' })).toBeUndefined()
})

test('of several similar facts, the problem names the first one in Django’s order [P7]', () => {
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
  expect(findSimilarityProblem('wonderland', { ...noFacts, email: 'x@wonderland.example' })?.code).toBe(
    'too-similar-email',
  )
})

test('a password is similar to a whole name if it resembles all of it or one of its words [W11]', () => {
  const wilhelmina = { ...noFacts, name: 'Wilhelmina van der Lanternby' }
  for (const password of ['wilhelmina van der lanternby', 'Lanternby1', 'wilhelm1na'])
    expect(findSimilarityProblem(password, wilhelmina)?.code).toBe('too-similar-name')
  expect(findSimilarityProblem('correct horse battery', wilhelmina)).toBeUndefined()
})

test('long passwords are compared with long names within two seconds [C14, CVE-2021-45115]', async () => {
  const words = 'ab '.repeat(100_000)
  for (const [password, username] of [
    ['a'.repeat(16_384), words],
    ['ab'.repeat(8_192), 'a '.repeat(100_000)],
    ['😀'.repeat(4_096), '😀,'.repeat(50_000)],
    ['x'.repeat(16_384), 'x'.repeat(1_000_000)],
  ] as const) {
    const compare = () => findSimilarityProblem(password, { ...noFacts, username })
    expect(await cpuTimeOf(compare, 2000)).toBeLessThan(2000)
  }
})

test('the fast comparison gives the same result as Django’s comparison word by word', () => {
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
      expect(findSimilarityProblem(password, { ...noFacts, username }) !== undefined).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('a phrase that only shares letters with a long address is not similar to it [P13]', () => {
  const grace = { ...noFacts, email: 'grace.hopper@navy-yard.example' }
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

/** The quick ratio of Python's difflib: every character of `b` uses up one of `a`. */
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

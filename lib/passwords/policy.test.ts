import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { createPasswordPolicy } from './policy'

const numRuns = isLong ? 100_000 : 300
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const alice = {
  username: 'alice',
  email: 'alice@example.com',
  firstName: 'Alice',
  lastName: 'Liddell',
  name: '',
}
const policy = createPasswordPolicy({
  minLength: 8,
  outerSpaces: 'refuse',
  appName: 'Acme  Portal',
  host: 'id.acme.example',
})
const standard = createPasswordPolicy({
  minLength: 15,
  outerSpaces: 'keep',
  appName: 'Rekey',
  host: 'id.example.net',
})
const codes = (password: string, of = policy) => of.findProblems(password, alice).map(({ code }) => code)

describe('common passwords', () => {
  test('every listed password is too common [P7]', () => {
    const listed = dictionary['passwords-common']
    expect(listed.length).toBeGreaterThan(45_000)
    const missed = listed.filter((password) => !codes(password).includes('too-common'))
    expect(missed).toEqual([])
    const fitting = listed.filter((password) => password.length >= 15)
    expect(fitting.length).toBeGreaterThan(30)
    for (const password of fitting) expect(codes(password, standard)).toContain('too-common')
  })

  test.each(['PASSWORD1', 'Qwerty123456789', 'acme  portal', 'ACMEPORTAL', 'x', '0', '123', 'aB1'])(
    'the password %s is too common [P7]',
    (password) => {
      expect(codes(password)).toContain('too-common')
    },
  )

  test('a common password is too common with outer white space, as in Django [P7]', () => {
    expect(codes(' password1\n')).toContain('too-common')
  })

  test.each([
    'my password1 is very long',
    'the acme portal horse',
    'qwerty123456789 rides again',
    'zq7k',
    '\u200b',
    'xx xx',
    '1.5',
  ])('the password %s is not too common [P7]', (password) => {
    expect(codes(password)).not.toContain('too-common')
  })
})

describe('the problems of a password', () => {
  test.each([
    ['alic3', ['too-similar-username', 'too-short']],
    ['12345678', ['too-common', 'numeric']],
    ['123', ['too-short', 'too-common', 'numeric']],
    ['9'.repeat(257), ['numeric', 'too-long']],
    [` ${'a'.repeat(256)}`, ['too-long', 'outer-spaces']],
    [' ', ['too-short', 'outer-spaces']],
    ['alice@example.com ', ['too-similar-email', 'outer-spaces']],
    ['correct horse', []],
  ])('the password %.20s has the problems %j, in the order of the contract', (password, expected) => {
    expect(codes(password)).toEqual(expected)
  })

  test('the least length of a password is the setting’s [P1]', () => {
    expect(standard.findProblems('correct horse', alice)).toEqual([{ code: 'too-short', min: 15 }])
    expect(policy.rules.attributes.minLength).toBe(8)
  })

  test('the endpoint refuses whatever the form refuses, and never throws [P6, P11]', () => {
    const fact = fc.string({ unit: 'binary', maxLength: 60 })
    const people = fc.record({ username: fact, email: fact, firstName: fact, lastName: fact, name: fact })
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), people, (password, person) => {
        const problems = policy.findProblems(password, person)
        for (const problem of policy.rules.problems(password)) expect(problems).toContainEqual(problem)
      }),
      { numRuns },
    )
  })

  test('a password that resembles a part of a whole name is refused, as with first and last names [W11]', () => {
    const person = { ...alice, firstName: '', lastName: '', name: 'Wilhelmina Lanternby' }
    const codesFor = (password: string) => standard.findProblems(password, person).map(({ code }) => code)
    expect(codesFor('lanternby')).toEqual(['too-similar-name', 'too-short'])
    expect(codesFor('LanternbyLanternby')).toEqual(['too-common'])
    expect(codesFor('1906wilhelmina-lanternby!!')).toEqual(['too-similar-name'])
    expect(codesFor('gravel lantern orchard')).toEqual([])
  })

  test('a password must keep the length limit of its format, also after normalisation [W6, P11]', () => {
    const shared = { minLength: 15, outerSpaces: 'refuse', appName: 'Rekey', host: 'id.example.net' } as const
    const bcrypt = createPasswordPolicy({ ...shared, longest: { count: 72, unit: 'bytes' } })
    const phrase = 'gravel lantern orchard thimble puddle nettle saddle crayon'
    expect(codes(`${phrase} parsley mint`, bcrypt)).toEqual([])
    expect(codes(`${phrase} parsley minty`, bcrypt)).toEqual([])
    expect(codes(`${phrase} parsley minty x`, bcrypt)).toEqual(['too-many-bytes'])
    expect(codes(` ${'7'.repeat(80)}`, bcrypt)).toEqual(['too-many-bytes', 'outer-spaces'])
    expect(codes('7'.repeat(80), bcrypt)).toEqual(['numeric', 'too-many-bytes'])
    expect(bcrypt.ruleSettings).toEqual({
      minLength: 15,
      outerSpaces: 'refuse',
      longest: { count: 72, unit: 'bytes' },
    })
    const normalise = (password: string) => password.normalize('NFKC')
    const nfkc = createPasswordPolicy({ ...shared, longest: { count: 128, unit: 'utf16' }, normalise })
    expect(codes('\ufdfa'.repeat(20), nfkc)).toContain('too-long')
  })

  test('a start is refused if PASSWORD_MIN_LENGTH is more than the format accepts [W6]', () => {
    const create = (count: number) =>
      createPasswordPolicy({
        ...{ minLength: 64, outerSpaces: 'keep', appName: 'Rekey', host: 'id.example.net' },
        longest: { count, unit: 'bytes' },
      })
    expect(() => create(63)).toThrow('PASSWORD_MIN_LENGTH')
    expect(() => create(64)).not.toThrow()
  })

  test('the longest passwords that a body can contain are checked within 150 ms [C14]', async () => {
    const checkAll = () => {
      for (const password of [
        'a'.repeat(16_384),
        '1'.repeat(16_384),
        ' '.repeat(16_384),
        '😀'.repeat(4_096),
      ]) {
        expect(codes(password)).toContain('too-long')
      }
    }
    expect(await cpuTimeOf(checkAll, 150)).toBeLessThan(150)
  })
})

test('if the format normalises, full-width letters count as plain ones, and composed letters once [P13]', () => {
  const policy = createPasswordPolicy({
    minLength: 15,
    outerSpaces: 'keep',
    appName: 'Rekey',
    host: 'id.example.com',
    normalise: (password) => password.normalize('NFKC'),
  })
  const person = { username: '', email: '', firstName: '', lastName: '', name: 'Ada Lovelace' }
  const wide = Array.from('evol-lovelace-adax', (letter) =>
    letter === '-' ? '-' : String.fromCodePoint(letter.codePointAt(0)! + 0xfee0),
  ).join('')
  expect(policy.findProblems('evol-lovelace-adax', person)).not.toEqual([])
  expect(policy.findProblems(wide, person)).toEqual(policy.findProblems('evol-lovelace-adax', person))
  expect(policy.findProblems('éáíóúýñç'.normalize('NFD'), person)).toContainEqual({
    code: 'too-short',
    min: 15,
  })
})

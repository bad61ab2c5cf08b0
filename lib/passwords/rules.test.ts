import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPasswordRuleChecker } from './rules'

const settings = { minLength: 15, outerSpaces: 'keep' } as const
const rules = createPasswordRuleChecker(settings)
const strict = createPasswordRuleChecker({ minLength: 8, outerSpaces: 'refuse' })
const codes = (password: string, of = rules) => of.problems(password).map(({ code }) => code)

describe('length', () => {
  test.each([
    ['14 letters', 'abcdefghijklmn', ['too-short']],
    ['15 letters', 'abcdefghijklmno', []],
    ['8 emoji, which are 16 UTF-16 units', '😀'.repeat(8), ['too-short']],
    ['15 emoji', '😀'.repeat(15), []],
    ['64 emoji', '😀'.repeat(64), []],
    ['256 emoji, which are 1024 bytes', '😀'.repeat(256), []],
    ['257 emoji', '😀'.repeat(257), ['too-long']],
    ['257 letters', 'a'.repeat(257), ['too-long']],
    ['16 384 letters', 'a'.repeat(16_384), ['too-long']],
  ])('%s [P1, P2, P3]', (_, password, expected) => {
    expect(codes(password)).toEqual(expected)
  })

  test('the numbers to show travel with the problem [P1, P2]', () => {
    expect(strict.problems('abc')).toEqual([{ code: 'too-short', min: 8 }])
    expect(strict.problems('a'.repeat(257))).toEqual([{ code: 'too-long', max: 256 }])
  })
})

describe('the limit of a password format', () => {
  const bcrypt = createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } })
  const betterAuth = createPasswordRuleChecker({ ...settings, longest: { count: 128, unit: 'utf16' } })
  const roomy = createPasswordRuleChecker({ ...settings, longest: { count: 300, unit: 'bytes' } })

  test.each([
    ['72 letters', 'a'.repeat(72), []],
    ['73 letters', 'a'.repeat(73), ['too-many-bytes']],
    ['36 letters with accents', 'é'.repeat(36), []],
    ['36 letters with accents and one without', `${'é'.repeat(36)}a`, ['too-many-bytes']],
    ['24 kana', 'パ'.repeat(24), []],
    ['25 kana', 'パ'.repeat(25), ['too-many-bytes']],
    ['18 emoji', '😀'.repeat(18), []],
    ['19 emoji', '😀'.repeat(19), ['too-many-bytes']],
    ['300 letters, which is told once', 'a'.repeat(300), ['too-many-bytes']],
    ['nothing at all', '', ['too-short']],
  ])('of 72 bytes in UTF-8: %s [W6, P2]', (_, password, expected) => {
    expect(codes(password, bcrypt)).toEqual(expected)
  })

  test.each([
    ['128 letters', 'a'.repeat(128), []],
    ['129 letters', 'a'.repeat(129), ['too-long']],
    ['64 emoji', '😀'.repeat(64), []],
    ['65 emoji', '😀'.repeat(65), ['too-long']],
  ])('of 128 UTF-16 units: %s [W6, P2]', (_, password, expected) => {
    expect(codes(password, betterAuth)).toEqual(expected)
  })

  test('the numbers to show are the format’s where they are lower, and so is the greatest length for managers [W6]', () => {
    expect(bcrypt.problems('a'.repeat(73))).toEqual([{ code: 'too-many-bytes', max: 72 }])
    expect(betterAuth.problems('a'.repeat(129))).toEqual([{ code: 'too-long', max: 128 }])
    expect(roomy.problems('é'.repeat(257))).toEqual([
      { code: 'too-long', max: 256 },
      { code: 'too-many-bytes', max: 300 },
    ])
    expect(roomy.problems('é'.repeat(151))).toEqual([{ code: 'too-many-bytes', max: 300 }])
    const most = [rules, bcrypt, betterAuth, roomy].map(
      ({ attributes }) => /maxlength: (\d+);/.exec(attributes.passwordrules)?.[1],
    )
    expect(most).toEqual(['256', '72', '128', '256'])
  })

  test('where the format normalises, both what is typed and what is hashed keep the limit [W6]', () => {
    const nfkc = (password: string) => password.normalize('NFKC')
    const units = createPasswordRuleChecker({ ...settings, longest: { count: 128, unit: 'utf16' } }, nfkc)
    const bytes = createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } }, nfkc)
    expect(codes('e\u0301'.repeat(64), units)).toEqual([])
    expect(codes('e\u0301'.repeat(65), units)).toEqual(['too-long'])
    expect(codes('\ufdfa'.repeat(15), units)).toEqual(['too-long'])
    expect(codes('\ufdfa'.repeat(15), bytes)).toEqual(['too-many-bytes'])
  })

  test('bytes are those that are hashed [P11]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (password) => {
        expect(codes(password, bcrypt).includes('too-many-bytes')).toBe(Buffer.byteLength(password) > 72)
      }),
    )
  })
})

describe('entirely numeric', () => {
  test.each([
    ['837261948273651', true],
    ['²³²³²³²³²³²³²³²', true],
    ['１２３٤٥६७៨９①②③⒈⒉⒊', true],
    ['½½½½½½½½½½½½½½½½', false],
    ['ⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣⅣ', false],
    ['一二三一二三一二三一二三一二三', false],
    ['-83726194827365', false],
    ['8372 6194 8273 65', false],
    ['8372619482736.5', false],
    ['8372619482736\n5', false],
  ])('%s: %s', (password, isNumeric) => {
    expect(codes(password).includes('numeric')).toBe(isNumeric)
  })
})

describe('outer spaces', () => {
  test.each([' ', '\t', '\n', '\x1c', '\x85', '\xa0', '\u2028', '\u3000'])(
    '%j at either end [P4]',
    (space) => {
      for (const password of [`${space}correct horse`, `correct horse${space}`, space.repeat(20)]) {
        expect(codes(password, strict)).toEqual(['outer-spaces'])
        expect(codes(password, createPasswordRuleChecker({ minLength: 8, outerSpaces: 'keep' }))).toEqual([])
      }
      expect(codes(`correct${space}horse`, strict)).toEqual([])
    },
  )

  test('what the sign-in does not trim is no space [P4]', () => {
    expect(codes('\ufeffcorrect horse\u200b', strict)).toEqual([])
  })
})

test('nothing is asked of what a password is composed of [P6]', () => {
  for (const password of [
    'lowercaseletter',
    'correct horse ba',
    '!!!!!!!!!!!!!!!',
    'ABCDEFGHIJKLMNO',
    'パスワードパスワードパスワードパ',
  ]) {
    expect(codes(password)).toEqual([])
  }
})

describe('what a form shows', () => {
  test('every rule has a tick, in the order of the messages', () => {
    expect(strict.checklist('12345 ')).toEqual([
      { problem: { code: 'too-short', min: 8 }, kept: false },
      { problem: { code: 'numeric' }, kept: true },
      { problem: { code: 'too-long', max: 256 }, kept: true },
      { problem: { code: 'outer-spaces' }, kept: false },
    ])
    const bcrypt = createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } })
    expect(bcrypt.checklist('').map(({ problem }) => problem.code)).toEqual([
      'too-short',
      'numeric',
      'too-many-bytes',
    ])
    expect(rules.checklist('').map(({ problem }) => problem.code)).toEqual([
      'too-short',
      'numeric',
      'too-long',
    ])
  })

  test('ticks and problems are one judgement [P11]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (password) => {
        const unkept = strict.checklist(password).filter(({ kept }) => !kept)
        expect(unkept.map(({ problem }) => problem)).toEqual(strict.problems(password))
      }),
    )
  })

  test.each([
    rules,
    strict,
    createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } }),
    createPasswordRuleChecker({ ...settings, longest: { count: 128, unit: 'utf16' } }),
  ])('what a password manager makes by the attributes is taken [U5]', (policy) => {
    const { minLength, passwordrules } = policy.attributes
    expect(Object.keys(policy.attributes)).toEqual(['minLength', 'passwordrules'])
    const sets = {
      lower: 'abcdefghijklmnopqrstuvwxyz',
      upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
      digit: '0123456789',
      '[-]': '-',
    }
    const rule = (name: string) => new RegExp(`${name}: ([^;]+);`).exec(passwordrules)?.[1]?.split(', ') ?? []
    const pick = (names: string[]) =>
      fc.constantFrom(...names.flatMap((name) => Array.from(sets[name as keyof typeof sets])))
    const [least, most] = [Number(rule('minlength')[0]), Number(rule('maxlength')[0])]
    expect(least).toBe(minLength)

    // A manager may as well draw all but what is required from one set.
    const made = fc
      .subarray([...rule('required'), ...rule('allowed')], { minLength: 1 })
      .chain((names) => fc.array(pick(names), { minLength: least - 1, maxLength: most - 1 }))
      .chain((rest) => fc.tuple(fc.constant(rest), pick(rule('required')), fc.nat(rest.length)))
      .map(([rest, required, at]) => [...rest.slice(0, at), required, ...rest.slice(at)].join(''))
    fc.assert(
      fc.property(made, (password) => {
        expect(policy.problems(password)).toEqual([])
        expect(password.length).toBeGreaterThanOrEqual(minLength)
      }),
      { numRuns: 500 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPasswordRuleChecker } from './rules'

const settings = { minLength: 15, outerSpaces: 'keep' } as const
const rules = createPasswordRuleChecker(settings)
const strict = createPasswordRuleChecker({ minLength: 8, outerSpaces: 'refuse' })
const codes = (password: string, of = rules) => of.problems(password).map(({ code }) => code)

describe('the length of a password', () => {
  test.each([
    ['14 letters', ['too-short'], 'abcdefghijklmn'],
    ['15 letters', [], 'abcdefghijklmno'],
    ['8 emoji, which are 16 UTF-16 units', ['too-short'], '😀'.repeat(8)],
    ['15 emoji', [], '😀'.repeat(15)],
    ['64 emoji', [], '😀'.repeat(64)],
    ['256 emoji, which are 1024 bytes', [], '😀'.repeat(256)],
    ['257 emoji', ['too-long'], '😀'.repeat(257)],
    ['257 letters', ['too-long'], 'a'.repeat(257)],
    ['16 384 letters', ['too-long'], 'a'.repeat(16_384)],
  ])('a password of %s has the problems %j [P1, P2, P3]', (_, expected, password) => {
    expect(codes(password)).toEqual(expected)
  })

  test('a problem of length has the limit to show [P1, P2]', () => {
    expect(strict.problems('abc')).toEqual([{ code: 'too-short', min: 8 }])
    expect(strict.problems('a'.repeat(257))).toEqual([{ code: 'too-long', max: 256 }])
  })
})

describe('the length limit of a password format', () => {
  const bcrypt = createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } })
  const betterAuth = createPasswordRuleChecker({ ...settings, longest: { count: 128, unit: 'utf16' } })
  const roomy = createPasswordRuleChecker({ ...settings, longest: { count: 300, unit: 'bytes' } })

  test.each([
    ['72 letters', [], 'a'.repeat(72)],
    ['73 letters', ['too-many-bytes'], 'a'.repeat(73)],
    ['36 letters with accents', [], 'é'.repeat(36)],
    ['36 letters with accents and one without', ['too-many-bytes'], `${'é'.repeat(36)}a`],
    ['24 kana', [], 'パ'.repeat(24)],
    ['25 kana', ['too-many-bytes'], 'パ'.repeat(25)],
    ['18 emoji', [], '😀'.repeat(18)],
    ['19 emoji', ['too-many-bytes'], '😀'.repeat(19)],
    ['300 letters', ['too-many-bytes'], 'a'.repeat(300)],
    ['no characters', ['too-short'], ''],
  ])('with a limit of 72 bytes, a password of %s has the problems %j [W6, P2]', (_, expected, password) => {
    expect(codes(password, bcrypt)).toEqual(expected)
  })

  test.each([
    ['128 letters', [], 'a'.repeat(128)],
    ['129 letters', ['too-long'], 'a'.repeat(129)],
    ['64 emoji', [], '😀'.repeat(64)],
    ['65 emoji', ['too-long'], '😀'.repeat(65)],
  ])(
    'with a limit of 128 UTF-16 units, a password of %s has the problems %j [W6, P2]',
    (_, expected, password) => {
      expect(codes(password, betterAuth)).toEqual(expected)
    },
  )

  test('the limits shown and those for password managers are the format’s if they are lower [W6]', () => {
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

  test('if the format normalises, the typed and the normalised password must both keep the limit [W6]', () => {
    const nfkc = (password: string) => password.normalize('NFKC')
    const units = createPasswordRuleChecker({ ...settings, longest: { count: 128, unit: 'utf16' } }, nfkc)
    const bytes = createPasswordRuleChecker({ ...settings, longest: { count: 72, unit: 'bytes' } }, nfkc)
    expect(codes('e\u0301'.repeat(64), units)).toEqual([])
    expect(codes('e\u0301'.repeat(65), units)).toEqual(['too-long'])
    expect(codes('\ufdfa'.repeat(15), units)).toEqual(['too-long'])
    expect(codes('\ufdfa'.repeat(15), bytes)).toEqual(['too-many-bytes'])
  })

  test('a password has too many bytes if its UTF-8 has more than 72 [P11]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (password) => {
        expect(codes(password, bcrypt).includes('too-many-bytes')).toBe(Buffer.byteLength(password) > 72)
      }),
    )
  })
})

describe('numeric passwords', () => {
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
  ])('whether the password %j counts as entirely numeric is %s', (password, isNumeric) => {
    expect(codes(password).includes('numeric')).toBe(isNumeric)
  })
})

describe('outer spaces of a password', () => {
  test.each([' ', '\t', '\n', '\x1c', '\x85', '\xa0', '\u2028', '\u3000'])(
    'a password with %j at an end has an outer space if those are refused, and none if they are kept [P4]',
    (space) => {
      for (const password of [`${space}correct horse`, `correct horse${space}`, space.repeat(20)]) {
        expect(codes(password, strict)).toEqual(['outer-spaces'])
        expect(codes(password, createPasswordRuleChecker({ minLength: 8, outerSpaces: 'keep' }))).toEqual([])
      }
      expect(codes(`correct${space}horse`, strict)).toEqual([])
    },
  )

  test('invisible characters that a sign-in does not trim do not count as outer spaces [P4]', () => {
    expect(codes('\ufeffcorrect horse\u200b', strict)).toEqual([])
  })
})

test('no rule says which kinds of characters a password must have [P6]', () => {
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

describe('the rules that a form shows', () => {
  test('the checklist has every rule in the order of the messages, and whether it is kept', () => {
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

  test('the rules that a checklist shows as not kept are the problems of the password [P11]', () => {
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
  ])(
    'passwords that a password manager makes by the attributes of checker %# are accepted [U5]',
    (policy) => {
      const { minLength, passwordrules } = policy.attributes
      expect(Object.keys(policy.attributes)).toEqual(['minLength', 'passwordrules'])
      const sets = {
        lower: 'abcdefghijklmnopqrstuvwxyz',
        upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
        digit: '0123456789',
        '[-]': '-',
      }
      const rule = (name: string) =>
        new RegExp(`${name}: ([^;]+);`).exec(passwordrules)?.[1]?.split(', ') ?? []
      const pick = (names: string[]) =>
        fc.constantFrom(...names.flatMap((name) => Array.from(sets[name as keyof typeof sets])))
      const [least, most] = [Number(rule('minlength')[0]), Number(rule('maxlength')[0])]
      expect(least).toBe(minLength)

      // A password manager may draw all characters but the required one from one set.
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
    },
  )
})

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { parseBodyFields, resetPasswordSchema, linkRequestBodySchema } from './request-schemas'
import { strip } from '@/lib/text/python-strip'

const numRuns = isLong ? 100_000 : 300
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const link = { user_id: '1', timestamp: '1700000000', signature: 'abc' }
const reset = { ...link, password: 'N3w-correct-horse' }

const readReset = (body: unknown, passwordConfirm = false) =>
  parseBodyFields(resetPasswordSchema({ passwordConfirm }), body)
const readLogin = (body: unknown) => parseBodyFields(linkRequestBodySchema('login'), body)

function problemsOf(
  read: ReturnType<typeof readReset> | ReturnType<typeof readLogin>,
): Record<string, string[]> {
  if (read.ok) return {}
  return Object.fromEntries(
    Object.entries(read.problems).map(([name, list]) => [name, list.map(({ code }) => code)]),
  )
}

describe('text fields of a request', () => {
  test.each([
    ['missing', undefined, 'required'],
    ['null', null, 'null'],
    ['empty', '', 'blank'],
    ['white space only', ' \t\u00a0\u3000\x1c\x85', 'blank'],
    ['a boolean', true, 'invalid-string'],
    ['another boolean', false, 'invalid-string'],
    ['a list', [], 'invalid-string'],
    ['a list of text', ['alice'], 'invalid-string'],
    ['an object', {}, 'invalid-string'],
    ['a float', 1.5, 'invalid-string'],
    ['a float that is whole', 1, 'invalid-string'],
    ['a function', () => 'alice', 'invalid-string'],
    ['a text with NUL', 'a\0b', 'null-characters'],
    ['a text with a lone surrogate', 'a\ud800', 'surrogates'],
  ])('every text field refuses a value that is %s [I1, I4, C11]', (_, value, code) => {
    expect(problemsOf(readLogin({ login: value }))).toEqual({ login: [code] })
    for (const name of ['user_id', 'signature', 'password', 'password_confirm']) {
      const isSecret = name.startsWith('password')
      if (isSecret && code === 'blank' && value !== '') continue
      const given = { ...reset, password_confirm: 'x', [name]: value }
      expect(problemsOf(readReset(given, true))).toEqual({ [name]: [code] })
    }
  })

  test('a text with NUL and lone surrogates has both problems, and the first surrogate is named [I4]', () => {
    expect(readLogin({ login: 'a\udfff\ud800\0' })).toEqual({
      ok: false,
      problems: {
        login: [{ code: 'null-characters' }, { code: 'surrogates', values: { character: 'U+DFFF' } }],
      },
    })
    expect(readLogin({ login: '😀' })).toEqual({ ok: true, value: { login: '😀' } })
  })

  test('an integer is accepted as the text of its digits [I1]', () => {
    expect(readLogin({ login: 12345678901234567890n })).toEqual({
      ok: true,
      value: { login: '12345678901234567890' },
    })
    expect(readReset({ ...reset, user_id: -1n, password: 0n })).toMatchObject({
      ok: true,
      value: { user_id: '-1', password: '0' },
    })
  })

  test('a text is trimmed of the white space that Python trims, which is not what JavaScript trims', () => {
    for (let code = 0; code <= 0xffff; code += 1) {
      const character = String.fromCharCode(code)
      expect(strip(`${character}a${character}`) === 'a', code.toString(16)).toBe(
        pythonWhiteSpace.includes(character),
      )
    }
    expect(strip('\ufeff a \ufeff')).toBe('\ufeff a \ufeff')
    expect(readLogin({ login: '\x1c\x85 al ice\u2028' })).toEqual({ ok: true, value: { login: 'al ice' } })
  })

  /** Every code point for which `str.isspace()` holds, listed by Python 3.11. */
  const pythonWhiteSpace = Array.from(
    '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
  )

  test('a password is read exactly as it was sent, including white space [P4]', () => {
    const exact = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(exact, (password) => {
        expect(readReset({ ...reset, password, password_confirm: password }, true)).toMatchObject({
          value: { password, password_confirm: password },
        })
      }),
      { numRuns: Math.min(numRuns, 10_000) },
    )
    for (const password of [' ', '\n', '  N3w-correct-horse \n', '\ufeff']) {
      expect(readReset({ ...reset, password })).toMatchObject({ ok: true, value: { password } })
    }
  })

  test('16,000 spaces inside a field do not slow the trimming down [I3]', async () => {
    const fields = {
      ...reset,
      user_id: `x${' '.repeat(16_000)}x`,
      timestamp: `1${' '.repeat(16_000)}1`,
      password: ' '.repeat(16_000),
    }
    expect(await cpuTimeOf(() => readReset(fields), 100)).toBeLessThan(100)
  })
})

describe('the timestamp of a request', () => {
  test.each([
    ['0', 0],
    ['1700000000', 1_700_000_000],
    ['  1700000000 \n', 1_700_000_000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    [1_700_000_000n, 1_700_000_000],
    [0n, 0],
    [-1n, -1],
    [2n ** 80n, Number.MAX_SAFE_INTEGER],
    [10n ** 4000n, Number.MAX_SAFE_INTEGER],
    [-(10n ** 4000n), Number.MIN_SAFE_INTEGER],
  ])('the timestamp of case %# is read as whole seconds', (timestamp: unknown, seconds) => {
    expect(readReset({ ...reset, timestamp })).toMatchObject({ ok: true, value: { timestamp: seconds } })
  })

  const spellings = '+5 -5 -0 05 00 5.0 5. .5 5e0 0x5 0b1 1_000 1,000 abc １７００００００００ ٣ ²'.split(' ')
  const beyond = ['9007199254740992', '9'.repeat(16), '1'.repeat(17), '1'.repeat(1001)]
  const strays = ['', ' ', '1 000', 'a\0b', '5\0', '\ufeff5', '5\ud800']
  const others: unknown[] = [1.5, 1, Infinity, NaN, true, false, [], [1], {}, { valueOf: () => 5 }]
  test.each([...spellings, ...beyond, ...strays, ...others].map((timestamp) => ({ timestamp })))(
    '$timestamp is not a valid timestamp [T9, C11]',
    ({ timestamp }) => {
      expect(problemsOf(readReset({ ...reset, timestamp }))).toEqual({ timestamp: ['invalid-integer'] })
    },
  )

  test('a missing timestamp and a null one have different codes', () => {
    expect(problemsOf(readReset({ ...reset, timestamp: undefined }))).toEqual({ timestamp: ['required'] })
    expect(problemsOf(readReset({ ...reset, timestamp: null }))).toEqual({ timestamp: ['null'] })
  })
})

describe('the body of a request', () => {
  test('all problems of a body are reported together, in the order of its fields', () => {
    const read = readReset({ password: '', signature: {}, timestamp: 'x', user_id: [] }, true)
    expect(Object.entries(problemsOf(read))).toEqual([
      ['user_id', ['invalid-string']],
      ['timestamp', ['invalid-integer']],
      ['signature', ['invalid-string']],
      ['password', ['blank']],
      ['password_confirm', ['required']],
    ])
  })

  test('unknown fields are ignored, and so is a repeated password if none is required [I1]', () => {
    const read = readReset({ ...reset, password_confirm: [], is_staff: true, email: 'evil@example.com' })
    expect(read).toEqual({ ok: true, value: { ...reset, timestamp: 1_700_000_000 } })
  })

  test('the names of fields are case-sensitive', () => {
    expect(problemsOf(readLogin({ LOGIN: 'alice' }))).toEqual({ login: ['required'] })
  })

  test('inherited fields have no effect [I2]', () => {
    expect(problemsOf(readLogin(Object.create({ login: 'alice' })))).toEqual({ login: ['required'] })
    expect(problemsOf(readReset(Object.create(reset)))).toMatchObject({
      user_id: ['required'],
      password: ['required'],
    })
    Object.assign(Object.prototype, { login: 'evil' })
    try {
      expect(problemsOf(readLogin({}))).toEqual({ login: ['required'] })
    } finally {
      delete (Object.prototype as { login?: string }).login
    }
  })

  test('a body that is not an object lacks all fields', () => {
    for (const body of [null, undefined, 1, 'login', [], true, 5n, () => reset]) {
      expect(problemsOf(readLogin(body))).toEqual({ login: ['required'] })
      expect(Object.keys(problemsOf(readReset(body)))).toEqual([
        'user_id',
        'timestamp',
        'signature',
        'password',
      ])
    }
  })

  test('no value of JSON makes the schemas throw, and every accepted field is text [C15]', () => {
    const names = [
      'login',
      'email',
      'user_id',
      'timestamp',
      'signature',
      'password',
      'password_confirm',
      '__proto__',
      'x',
    ]
    const value = fc.oneof(
      fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true, withSparseArray: true }),
      fc.string({ unit: 'binary' }),
      fc.bigInt(),
    )
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), fc.boolean(), (body, passwordConfirm) => {
        const read = readReset(body, passwordConfirm)
        if (read.ok) {
          const { timestamp, ...texts } = read.value
          expect(Number.isSafeInteger(timestamp)).toBe(true)
          for (const text of Object.values(texts)) expect(text).toEqual(expect.stringMatching(/[^]/))
        }
        for (const name of ['login', 'email'] as const)
          expect(typeof parseBodyFields(linkRequestBodySchema(name), body).ok).toBe('boolean')
      }),
      { numRuns },
    )
  })
})

describe('the request for a link', () => {
  test('a typed login is trimmed, in the field login or email', () => {
    expect(readLogin({ login: ' alice ' })).toEqual({ ok: true, value: { login: 'alice' } })
    expect(parseBodyFields(linkRequestBodySchema('email'), { email: 'a@example.com' })).toEqual({
      ok: true,
      value: { login: 'a@example.com' },
    })
  })

  test('only the configured one of the fields login and email is accepted', () => {
    expect(problemsOf(readLogin({ email: 'alice@example.com' }))).toEqual({ login: ['required'] })
    expect(
      problemsOf(parseBodyFields(linkRequestBodySchema('email'), { login: 'alice@example.com' })),
    ).toEqual({
      email: ['required'],
    })
  })

  test('a list of addresses is refused [C1]', () => {
    const email = ['victim@example.com', 'evil@example.com']
    expect(problemsOf(parseBodyFields(linkRequestBodySchema('email'), { email }))).toEqual({
      email: ['invalid-string'],
    })
  })

  test('the three fields of a link are accepted instead of a login', () => {
    const value = { link: { ...link, timestamp: 1_700_000_000 } }
    expect(readLogin(link)).toEqual({ ok: true, value })
    expect(parseBodyFields(linkRequestBodySchema('email'), { ...link, login: 'ignored' })).toEqual({
      ok: true,
      value,
    })
  })

  test('a given login takes precedence over a link, even if it is invalid', () => {
    expect(readLogin({ ...link, login: 'alice' })).toEqual({ ok: true, value: { login: 'alice' } })
    expect(problemsOf(readLogin({ ...link, login: '' }))).toEqual({ login: ['blank'] })
    expect(problemsOf(readLogin({ ...link, login: null }))).toEqual({ login: ['null'] })
  })

  test.each([
    {},
    { ...link, signature: undefined },
    { user_id: '1' },
    { ...link, timestamp: '05' },
    { ...link, user_id: [] },
    { ...link, signature: '' },
  ])('%j contains neither a login nor a whole link, so the login is reported as missing', (body) => {
    expect(problemsOf(readLogin(body))).toEqual({ login: ['required'] })
  })
})

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { parseBody, pythonTypeName } from './parse'
import { parseJson } from './json'

const numRuns = isLong ? 100_000 : 300
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const malformed = { ok: false, detail: 'Malformed' }
const tooDeep = { ok: false, detail: 'Nested too deeply' }

describe('the body in JSON', () => {
  test.each([
    '{',
    '{"login":"a",}',
    '{} x',
    ' ',
    'NaN',
    '{"a":-Infinity}',
    '01',
    "{'a':1}",
    '"\n"',
    '\ufeff{}',
  ])('the JSON %j is malformed', (text) => {
    expect(parseJson(text)).toEqual(malformed)
  })

  test('no error quotes a body that is cut or broken, wherever that is [P11]', () => {
    const body = JSON.stringify({ user_id: '1', password: 'hunter2-canary', more: ['hunter2-canary'] })
    for (let at = 0; at < body.length; at += 1)
      for (const broken of [
        body.slice(0, at),
        `${body.slice(0, at)}\u0001${body.slice(at)}`,
        `${body.slice(0, at)}"${body.slice(at)}`,
      ])
        expect([malformed, { ok: true, value: expect.anything() }]).toContainEqual(parseJson(broken))
  })

  test('JSON that is not UTF-8 is a parse error [I3]', async () => {
    for (const hex of ['22ff22', '22eda08022', '22c0af22', '22f490808022', '22e28222', '22efbf22'])
      expect(await parseBody(Buffer.from(hex, 'hex'), 'application/json')).toEqual({
        ok: false,
        problem: 'json-parse-error',
        detail: 'JSON parse error - Invalid UTF-8',
      })
    expect(parseJson('"\ufffd"')).toEqual({ ok: true, value: '\ufffd' })
  })

  test('integers keep all their digits, and numbers with a point or an exponent are no integers [I1]', () => {
    expect(
      parseJson('{"a":[12345678901234567890, -1, -0, 1.0, 1e2, 1e400, -0.5],"b":7,"a2":{"c":8}}'),
    ).toEqual({
      ok: true,
      value: { a: [12345678901234567890n, -1n, 0n, 1, 100, Infinity, -0.5], b: 7n, a2: { c: 8n } },
    })
  })

  test('of keys that occur twice in an object, the last one counts, with all its digits [I2]', () => {
    expect(parseJson('{"a":[1,{"b":1}],"b":3,"a":[12345678901234567890,{"b":2}],"a2":4}')).toEqual({
      ok: true,
      value: { a: [12345678901234567890n, { b: 2n }], b: 3n, a2: 4n },
    })
  })

  test('`__proto__` and `constructor` are ordinary keys of JSON, and no object inherits anything [I2]', () => {
    const parsed = parseJson('{"__proto__":{"login":"x"},"constructor":{"prototype":{"login":"y"}}}')
    const value = (parsed as { value: Record<string, unknown> }).value
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect([value.login, value.toString, value.__proto__]).toEqual([undefined, undefined, { login: 'x' }])
    expect(Object.getPrototypeOf(value.__proto__)).toBeNull()
    expect(({} as Record<string, unknown>).login).toBeUndefined()
  })

  test('escapes in JSON are decoded, and lone surrogates are kept', () => {
    expect(parseJson('"\\u017b\\u00f3\\ud83d\\ude00\\/\\n\\ud800"')).toEqual({
      ok: true,
      value: 'Żó😀/\n\ud800',
    })
  })

  test('JSON may be nested 32 levels deep, and brackets in texts do not count [I3]', () => {
    const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    const objects = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)
    for (const text of [
      `{"x":${lists(32)},"y":${objects(32)},"z":[${`${lists(31)},`.repeat(99)}1]}`,
      `{"x":${JSON.stringify('\\"[['.repeat(99))},"\\"${'['.repeat(99)}":"\\\\"}`,
    ])
      expect(parseJson(text).ok).toBe(true)
    for (const text of [
      `{"x":${lists(33)}}`,
      `{"x":"\\\\","y":${objects(33)}}`,
      `{"x":"\\"","y":${lists(8_000)}}`,
      objects(2_700),
    ])
      expect(parseJson(text)).toEqual(tooDeep)
    for (const unclosed of ['['.repeat(16_384), '{"a":'.repeat(3_000), ']'.repeat(99) + lists(99)])
      expect(parseJson(unclosed).ok).toBe(false)
  })

  test('the parser accepts exactly what JSON.parse accepts, with the same values', () => {
    const extras = ['', '"', '\\', ',', ':', '{', '}', '[', ']', '0', '-', '.', 'e', '\n', 'null', '\\u12']
    const nearJson = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...extras)).map(([text, at, extra]) => {
      const place = at % (text.length + 1)
      return text.slice(0, place) + extra + text.slice(extra === '' ? place : place + (at % 2))
    })
    fc.assert(
      fc.property(fc.oneof(fc.json(), nearJson, fc.string({ unit: 'binary' })), (text) => {
        let expected: { ok: boolean; value?: unknown }
        try {
          expected = { ok: true, value: JSON.parse(text) as unknown }
        } catch {
          expected = { ok: false }
        }
        const parsed = parseJson(text)
        expect(parsed.ok).toBe(expected.ok)
        if (parsed.ok) expect(asNumbers(parsed.value)).toEqual(asNumbers(expected.value))
      }),
      { numRuns },
    )
  })

  /** Converts to what JSON.parse returns: numbers of one type, objects with a prototype; 0 for -0, which BigInt lacks. */
  function asNumbers(value: unknown): unknown {
    if (typeof value === 'bigint') return Number(value)
    if (Object.is(value, -0)) return 0
    if (Array.isArray(value)) return value.map(asNumbers)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asNumbers(inner)]))
  }

  test.each([
    ['{}', 'dict'],
    ['[]', 'list'],
    ['"x"', 'str'],
    ['-0', 'int'],
    ['1.0', 'float'],
    ['1e2', 'float'],
    ['false', 'bool'],
    ['null', 'NoneType'],
  ])('an error calls the JSON value %s by Python’s name of its type, %s', (text, name) => {
    const parsed = parseJson(text)
    expect(parsed.ok && pythonTypeName(parsed.value)).toBe(name)
  })
})

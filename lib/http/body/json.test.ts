import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { cpuTimeSince } from '@/e2e/support/cpu-time'
import { isLong } from '@/e2e/support/long-form'
import { parseBody, pythonTypeName } from './parse'
import { parseJson } from './json'

const numRuns = isLong ? 100_000 : 1_000
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const json = (text: string) => parseBody(new TextEncoder().encode(text), 'application/json')

describe('JSON', () => {
  test.each([
    ['{', 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'],
    ['{"login": "alice",}', 'Expecting property name enclosed in double quotes: line 1 column 19 (char 18)'],
    ['{"login": "alice"}x', 'Extra data: line 1 column 19 (char 18)'],
    ['{"login":"al\nice"}', 'Invalid control character at: line 1 column 13 (char 12)'],
    ['{"password": "N3w-corr', 'Unterminated string starting at: line 1 column 14 (char 13)'],
    ['{"password": "hunter2\\"', 'Unterminated string starting at: line 1 column 14 (char 13)'],
    ['{"password": "hunter2\\q"}', 'Invalid \\escape: line 1 column 22 (char 21)'],
    ['{"password": "hunter2\\u12"}', 'Invalid \\escape: line 1 column 22 (char 21)'],
    ['{"password" "hunter2"}', "Expecting ':' delimiter: line 1 column 13 (char 12)"],
    ['{"password": "hunter2" "x"}', "Expecting ',' delimiter: line 1 column 24 (char 23)"],
    ['[1}', "Expecting ',' delimiter: line 1 column 3 (char 2)"],
    ['hello', 'Expecting value: line 1 column 1 (char 0)'],
    [' ', 'Expecting value: line 1 column 2 (char 1)'],
    ['{"login": NaN}', 'Expecting value: line 1 column 11 (char 10)'],
    ['{"login": -Infinity}', 'Expecting value: line 1 column 11 (char 10)'],
    ['{"login": 01}', "Expecting ',' delimiter: line 1 column 12 (char 11)"],
    ['{\n "😀": 1,\n "login": alice}', 'Expecting value: line 3 column 11 (char 21)'],
    ["{'login': 'alice'}", 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'],
  ])('%j: a fixed phrase and a position', (text, detail) => {
    expect(json(text)).toEqual({
      ok: false,
      problem: 'json-parse-error',
      detail: `JSON parse error - ${detail}`,
    })
  })

  test('P11: no error quotes the body, wherever it is cut or broken', () => {
    const body = JSON.stringify({
      user_id: '1',
      password: 'hunter2-canary',
      password_confirm: 'hunter2-canary',
    })
    for (let at = 0; at < body.length; at += 1) {
      for (const broken of [
        body.slice(0, at),
        `${body.slice(0, at)}\u0001${body.slice(at)}`,
        `${body.slice(0, at)}"${body.slice(at)}`,
      ]) {
        const parsed = json(broken)
        if (!parsed.ok) expect(JSON.stringify(parsed)).not.toMatch(/hunter|canary|nary/)
      }
    }
  })

  test('I3: what is not UTF-8 is a parse error that says where', () => {
    expect(parseBody(Buffer.from('7b226c6f67696e223a22fffe227d', 'hex'), 'application/json')).toEqual({
      ok: false,
      problem: 'json-parse-error',
      detail: 'JSON parse error - Invalid UTF-8: byte 10',
    })
    for (const hex of ['22edA08022', '22c0af22', '22f4908080' + '22', '22e282', '22efbf']) {
      expect(parseBody(Buffer.from(hex, 'hex'), 'application/json').ok).toBe(false)
    }
    expect(json('"\ufffd"')).toEqual({ ok: true, value: '\ufffd' })
  })

  test('I1: integers keep all their digits and are told from other numbers by their spelling', () => {
    expect(json('[12345678901234567890, -1, 0, 1.0, 1e2, 1e400, -0.5]')).toEqual({
      ok: true,
      value: [12345678901234567890n, -1n, 0n, 1, 100, Infinity, -0.5],
    })
  })

  test('I2: of duplicate keys the last wins', () => {
    expect(json('{"login":"a","login":"b"}')).toEqual({ ok: true, value: { login: 'b' } })
  })

  test('I2: `__proto__` and `constructor` are names like others', () => {
    const parsed = json('{"__proto__":{"login":"x"},"constructor":{"prototype":{"login":"y"}}}')
    const value = (parsed as { value: Record<string, unknown> }).value
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect(value.login).toBeUndefined()
    expect(({} as Record<string, unknown>).login).toBeUndefined()
  })

  test('escapes and lone surrogates come through as written', () => {
    expect(json('"\\u017b\\u00f3\\ud83d\\ude00\\/\\n\\ud800"')).toEqual({ ok: true, value: 'Żó😀/\n\ud800' })
  })

  test('I3: nesting as deep as a body can be neither throws nor takes long', () => {
    const depth = 8 * 1024
    for (const text of [
      '['.repeat(2 * depth),
      '['.repeat(depth) + ']'.repeat(depth),
      '{"a":'.repeat(3_000),
      '{"a":'.repeat(2_700) + '1' + '}'.repeat(2_700),
      `{"login":"alice","x":${'['.repeat(8_000)}${']'.repeat(8_000)}}`,
    ]) {
      const start = process.cpuUsage()
      const { ok } = json(text)
      expect(cpuTimeSince(start)).toBeLessThan(200)
      expect(ok).toBe(text.endsWith(']') || text.endsWith('}'))
    }
  })

  test('it accepts what JSON.parse accepts, with the same values, and nothing else', () => {
    const nearJson = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom(
          '',
          '"',
          '\\',
          ',',
          ':',
          '{',
          '}',
          '[',
          ']',
          '0',
          '-',
          '.',
          'e',
          '\n',
          '\u0001',
          'null',
          '\\u12',
        ),
      )
      .map(([text, at, extra]) => {
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

  /** As JSON.parse has it: numbers of one kind, objects with a prototype; no minus before nought, which BigInt lacks. */
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
    ['1', 'int'],
    ['-0', 'int'],
    ['1.0', 'float'],
    ['1e2', 'float'],
    ['false', 'bool'],
    ['null', 'NoneType'],
  ])('Python calls %s %s', (text, name) => {
    const parsed = json(text)
    expect(parsed.ok && pythonTypeName(parsed.value)).toBe(name)
  })
})

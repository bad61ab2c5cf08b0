import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/world/long-form'
import { cpuTimeSince } from '@/e2e/world/cpu-time'
import { parseBody, pythonTypeName } from './request-body'
import { parseJson } from './request-body/json'

const numRuns = isLong ? 100_000 : 1_000
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const bytesOf = (text: string) => new TextEncoder().encode(text)
const json = (text: string, type = 'application/json') => parseBody(bytesOf(text), type)
const form = (text: string) => parseBody(bytesOf(text), 'application/x-www-form-urlencoded')

function multipart(text: string | Buffer, type = 'multipart/form-data; boundary=B') {
  return parseBody(Buffer.from(text as string, 'utf8'), type)
}

const part = (headers: string, content: string) => `--B\r\n${headers}\r\n\r\n${content}\r\n`
const field = (name: string, content: string) =>
  part(`Content-Disposition: form-data; name="${name}"`, content)

describe('content types', () => {
  test.each([
    null,
    '',
    'text/plain',
    'text/json',
    'application/vnd.api+json',
    'application/*',
    '*/*',
    '\0',
    'x',
    `application/json;${' '.repeat(512)}charset=utf-8`,
  ])('I3: %j is no type that is read, and is named as it was sent', (type) => {
    const mediaType = type ?? ''
    expect(parseBody(bytesOf('{}'), type)).toEqual({
      ok: false,
      problem: 'unsupported-media-type',
      mediaType,
    })
  })

  test('a refused type is named with its parameters, as DRR names it', () => {
    expect(parseBody(bytesOf('{}'), 'text/plain; charset=utf-8')).toMatchObject({
      mediaType: 'text/plain; charset=utf-8',
    })
  })

  test.each([
    'APPLICATION/JSON',
    'application/json;charset=UTF-8',
    'application/json ; indent=4',
    'Application/Json; charset="utf8"',
  ])('%s is JSON', (type) => {
    expect(json('{"login":"alice"}', type)).toEqual({ ok: true, value: { login: 'alice' } })
  })

  test.each([null, '', 'text/plain', 'multipart/form-data', 'application/json; charset=utf-16'])(
    'an empty body is an empty object, also of type %j',
    (type) => {
      expect(parseBody(new Uint8Array(), type)).toEqual({ ok: true, value: {} })
    },
  )

  test.each([
    ['application/json', 'json-parse-error', 'JSON parse error - Unsupported charset'],
    ['application/x-www-form-urlencoded', 'form-parse-error', 'Form parse error - Unsupported charset'],
    [
      'multipart/form-data; boundary=B',
      'multipart-parse-error',
      'Multipart form parse error - Unsupported charset',
    ],
  ])('I3: %s in another charset is a parse error', (type, problem, detail) => {
    for (const charset of ['utf-16', 'latin-1', 'us-ascii', 'utf-7']) {
      expect(parseBody(bytesOf('{}'), `${type}; charset=${charset}`)).toEqual({ ok: false, problem, detail })
    }
  })

  test.each(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=B'])(
    'I3: %s with a byte order mark is a parse error',
    (type) => {
      expect(parseBody(bytesOf('\ufeff{}'), type)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('BOM'),
      })
    },
  )
})

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

describe('forms', () => {
  test.each([
    ['login=zzz&login=alice', { login: 'alice' }],
    ['login=a+b%20c%2B', { login: 'a b c+' }],
    ['login=%C5%BB&x', { login: 'Ż', x: '' }],
    ['login=Ż', { login: 'Ż' }],
    ['login=100%&a=%zz%4', { login: '100%', a: '%zz%4' }],
    ['&&login=a=b&&', { login: 'a=b' }],
    ['login[]=a&login.x=b', { 'login[]': 'a', 'login.x': 'b' }],
    ['login=%EF%BB%BFa', { login: '\ufeffa' }],
  ])('%s', (text, value) => {
    expect(form(text)).toEqual({ ok: true, value })
  })

  test.each(['login=%ff%fe&', 'login=%ed%a0%80', '%c0%af=1', 'a=1&b=%e2%82'])(
    'I3: %s is not UTF-8',
    (text) => {
      expect(form(text)).toEqual({
        ok: false,
        problem: 'form-parse-error',
        detail: 'Form parse error - Invalid UTF-8 in a percent escape',
      })
    },
  )

  test('I3: raw bytes that are not UTF-8 are a parse error', () => {
    expect(parseBody(Buffer.from([0x61, 0x3d, 0xff]), 'application/x-www-form-urlencoded')).toMatchObject({
      ok: false,
    })
  })

  test('I2: `__proto__` is a name like others', () => {
    const parsed = form('__proto__=a&__proto__[login]=b')
    expect(Object.keys((parsed as { value: object }).value)).toEqual(['__proto__', '__proto__[login]'])
  })

  test('what URLSearchParams writes is read back', () => {
    const pairs = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), {
      maxKeys: 5,
    })
    fc.assert(
      fc.property(pairs, (fields) => {
        const text = new URLSearchParams(Object.entries(fields)).toString()
        expect(form(text)).toEqual({ ok: true, value: Object.fromEntries(Object.entries(fields)) })
      }),
      { numRuns: Math.min(numRuns, 10_000) },
    )
  })
})

describe('multipart', () => {
  test('fields are read as they are, of duplicates the last', () => {
    const password = ' \ufeffN3w\r\n--correct "horse" \r\n'
    expect(
      multipart(`${field('login', 'x')}${field('login', 'Żółć 😀')}${field('password', password)}--B--\r\n`),
    ).toEqual({
      ok: true,
      value: { login: 'Żółć 😀', password },
    })
  })

  test('what the platform writes is read back', async () => {
    const data = new FormData()
    data.append('login', 'Żółć "quoted" 😀')
    data.append('password', ' 12\r\n34 ')
    data.append('signature', new Blob(['alice'], { type: 'text/plain' }), 'a.txt')
    const response = new Response(data)
    const parsed = parseBody(
      new Uint8Array(await response.arrayBuffer()),
      response.headers.get('content-type'),
    )
    expect(parsed).toMatchObject({ ok: true, value: { login: 'Żółć "quoted" 😀', password: ' 12\r\n34 ' } })
    expect(typeof (parsed as { value: { signature: unknown } }).value.signature).toBe('object')
  })

  test.each(['filename="a.txt"', 'filename=a.txt', "filename*=UTF-8''a.txt"])(
    'a part with %s is no text',
    (filename) => {
      const headers = `Content-Disposition: form-data; name="login"; ${filename}\r\nContent-Type: application/octet-stream`
      const parsed = multipart(
        Buffer.concat([Buffer.from(part(headers, '')), Buffer.from([0xff]), Buffer.from('\r\n--B--')]),
      )
      expect(typeof (parsed as { value: { login: unknown } }).value.login).toBe('object')
    },
  )

  test('a file field left empty is no field', () => {
    expect(
      multipart(`${part('Content-Disposition: form-data; name="login"; filename=""', '')}--B--`),
    ).toEqual({ ok: true, value: {} })
  })

  test.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="B "',
    'multipart/form-data; boundary=\xff',
  ])('%j declares no usable boundary', (type) => {
    const detail = 'Multipart form parse error - Invalid boundary'
    expect(multipart(field('login', 'alice'), type)).toEqual({
      ok: false,
      problem: 'multipart-parse-error',
      detail,
    })
  })

  test('where the declared boundary never occurs, the whole body is one part', () => {
    const body = `${field('login', 'alice')}${field('x', 'y')}--B--\r\n`
    expect(multipart(body, 'multipart/form-data; boundary=nope')).toEqual({
      ok: true,
      value: { login: body.slice(body.indexOf('alice')).replace(/\r\n$/, '') },
    })
  })

  test.each([
    ['Content-Transfer-Encoding: base64', 'Unsupported transfer encoding of a part'],
    ['Content-Transfer-Encoding: quoted-printable', 'Unsupported transfer encoding of a part'],
    ['Content-Type: text/plain; charset=latin-1', 'Unsupported charset of a part'],
  ])('I3: a part with `%s` would be hashed as something else than was typed', (header, detail) => {
    const body = `${part(`Content-Disposition: form-data; name="password"\r\n${header}`, 'aGVsbG8=')}--B--`
    expect(multipart(body)).toEqual({
      ok: false,
      problem: 'multipart-parse-error',
      detail: `Multipart form parse error - ${detail}`,
    })
  })

  test('I3: a part that is not UTF-8 is a parse error', () => {
    const body = Buffer.concat([
      Buffer.from('--B\r\nContent-Disposition: form-data; name="login"\r\n\r\n'),
      Buffer.from([0xff]),
      Buffer.from('\r\n--B--'),
    ])
    expect(multipart(body)).toMatchObject({ ok: false, problem: 'multipart-parse-error' })
  })

  test('I2: `__proto__` is a name like others', () => {
    const parsed = multipart(`${field('__proto__', 'a')}--B--`)
    expect(Object.keys((parsed as { value: object }).value)).toEqual(['__proto__'])
  })
})

describe('whatever comes', () => {
  const types = fc.oneof(
    fc.constantFrom(
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=B',
    ),
    fc.string({ unit: 'binary' }),
    fc.constant(null),
  )
  const fragments = fc
    .array(
      fc.constantFrom(
        '--B',
        '\r\n',
        '\r\n\r\n',
        'Content-Disposition: form-data; name="login"',
        '; filename="x',
        '"',
        '--',
        '\\',
        '%',
        '{',
        '[',
        '\0',
        '\xff',
        '=',
        '&',
      ),
    )
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))

  test('C15: parsing never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), fragments), types, (bytes, type) => {
        expect(typeof parseBody(bytes, type).ok).toBe('boolean')
      }),
      { numRuns },
    )
  })

  test.each([
    ['application/json', '"'.repeat(16_384)],
    ['application/json', `"${'\\\\'.repeat(8_000)}`],
    ['application/json', `{"a":${'1'.repeat(16_000)}}`],
    ['application/json', ' '.repeat(16_000) + 'x'],
    ['application/json', '{"a":1,'.repeat(2_340)],
    ['application/x-www-form-urlencoded', '&='.repeat(8_192)],
    ['application/x-www-form-urlencoded', '%'.repeat(16_384)],
    ['multipart/form-data; boundary=B', '--B\r\n\r\n'.repeat(2_048)],
    ['multipart/form-data; boundary=B', `--B\r\nContent-Disposition: ${'; a="'.repeat(3_000)}\r\n\r\n`],
    ['multipart/form-data; boundary=B', `--B\r\nContent-Disposition: ${';   a   '.repeat(2_000)}\r\n\r\n`],
    ['multipart/form-data; boundary=B', `--B\r\n${' '.repeat(16_000)}x\r\n\r\n`],
    [`application/json;${' '.repeat(8_000)}x${' '.repeat(8_000)}`, '{}'],
    [`application/json;${' ;'.repeat(8_000)}`, '{}'],
  ])('I3: the worst body or header of the sort %# takes no time', (type, text) => {
    const bytes = Buffer.from(text, 'latin1')
    const start = process.cpuUsage()
    parseBody(bytes, type)
    expect(cpuTimeSince(start)).toBeLessThan(100)
  })
})

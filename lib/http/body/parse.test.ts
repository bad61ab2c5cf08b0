import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { isLong } from '@/e2e/support/long-form'
import { parseBody } from './parse'

const numRuns = isLong ? 100_000 : 300
if (isLong) vi.setConfig({ testTimeout: 600_000 })

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('the content type of a body', () => {
  test.each([
    null,
    '',
    'text/plain; charset=utf-8',
    'text/json',
    'application/vnd.api+json',
    'application/*',
    '*/*',
    '\0',
    'x',
    `application/json;${' '.repeat(512)}charset=utf-8`,
  ])('a body of the type %j is refused, and the type is named as it was sent [I3]', async (type) => {
    const mediaType = type ?? ''
    expect(await parseBody(bytesOf('{}'), type)).toEqual({
      ok: false,
      problem: 'unsupported-media-type',
      mediaType,
    })
  })

  test.each([
    'APPLICATION/JSON',
    'application/json;charset=UTF-8',
    'application/json ; indent=4',
    'Application/Json; charset="utf8"',
  ])('a body of the type %s is read as JSON', async (type) => {
    expect(await parseBody(bytesOf('{"login":"alice"}'), type)).toEqual({
      ok: true,
      value: { login: 'alice' },
    })
  })

  test.each([null, '', 'text/plain', 'multipart/form-data', 'application/json; charset=utf-16'])(
    'an empty body of the type %j is read as an empty object',
    async (type) => {
      expect(await parseBody(new Uint8Array(), type)).toEqual({ ok: true, value: {} })
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
  ])('a body of the type %s in another charset is a parse error [I3]', async (type, problem, detail) => {
    for (const charset of ['utf-16', 'latin-1', 'us-ascii', 'utf-7']) {
      expect(await parseBody(bytesOf('{}'), `${type}; charset=${charset}`)).toEqual({
        ok: false,
        problem,
        detail,
      })
    }
  })

  test.each(['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=B'])(
    'a body of the type %s with a byte order mark is a parse error [I3]',
    async (type) => {
      expect(await parseBody(bytesOf('\ufeff{}'), type)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('BOM'),
      })
    },
  )
})

describe('the body of a form', () => {
  const form = (text: string) => parseBody(bytesOf(text), 'application/x-www-form-urlencoded')

  test.each([
    ['login=zzz&login=alice', { login: 'alice' }],
    ['login=a+b%20c%2B', { login: 'a b c+' }],
    ['login=%C5%BB&x', { login: 'Ż', x: '' }],
    ['login=Ż', { login: 'Ż' }],
    ['login=100%&a=%zz%4', { login: '100%', a: '%zz%4' }],
    ['&&login=a=b&&', { login: 'a=b' }],
    ['login[]=a&login.x=b', { 'login[]': 'a', 'login.x': 'b' }],
    ['login=%EF%BB%BFa', { login: '\ufeffa' }],
  ])('the form %s is read as %j', async (text, value) => {
    expect(await form(text)).toEqual({ ok: true, value })
  })

  test.each(['login=%ff%fe&', 'login=%ed%a0%80', '%c0%af=1', 'a=1&b=%e2%82'])(
    'the form %s is not UTF-8 and so a parse error [I3]',
    async (text) => {
      expect(await form(text)).toEqual({
        ok: false,
        problem: 'form-parse-error',
        detail: 'Form parse error - Invalid UTF-8 in a percent escape',
      })
    },
  )

  test('a form with raw bytes that are not UTF-8 is a parse error [I3]', async () => {
    expect(
      await parseBody(Buffer.from([0x61, 0x3d, 0xff]), 'application/x-www-form-urlencoded'),
    ).toMatchObject({
      ok: false,
    })
  })

  test('`__proto__` is an ordinary field of a form [I2]', async () => {
    const parsed = await form('__proto__=a&__proto__[login]=b')
    expect(Object.keys((parsed as { value: object }).value)).toEqual(['__proto__', '__proto__[login]'])
  })

  test('a form that URLSearchParams wrote is read as it was written', async () => {
    const pairs = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), {
      maxKeys: 5,
    })
    await fc.assert(
      fc.asyncProperty(pairs, async (fields) => {
        const text = new URLSearchParams(Object.entries(fields)).toString()
        expect(await form(text)).toEqual({ ok: true, value: Object.fromEntries(Object.entries(fields)) })
      }),
      { numRuns: Math.min(numRuns, 10_000) },
    )
  })
})

describe('bodies of any bytes', () => {
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

  const part = '--B\r\nContent-Disposition: form-data; name="x"'

  test('no body and no content type makes parsing throw [C15]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 400 }), fragments), types, async (bytes, type) => {
        expect(typeof (await parseBody(bytes, type)).ok).toBe('boolean')
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
    ['multipart/form-data; boundary=B', `${`${part}\r\n\r\n\r\n`.repeat(300)}--B--`],
    ['multipart/form-data; boundary=B', `${part}${'\r\na:'.repeat(4_000)}\r\n\r\n\r\n--B--`],
    ['multipart/form-data; boundary=B', `${part}${'; a="'.repeat(3_000)}\r\n\r\n`],
    ['multipart/form-data; boundary=B', `${part}${';   a   '.repeat(2_000)}\r\n\r\n`],
    ['multipart/form-data; boundary=B', `--B\r\n${' '.repeat(16_000)}x\r\n\r\n`],
    ['multipart/form-data; boundary=B', `${part}\r\nContent-Type:${'charset=utf-8;'.repeat(1_100)}`],
    ['multipart/form-data; boundary=B', `${part}\r\n\r\n${'B'.repeat(16_000)}`],
    [`application/json;${' '.repeat(8_000)}x${' '.repeat(8_000)}`, '{}'],
    [`application/json;${' ;'.repeat(8_000)}`, '{}'],
  ])('the slowest body or header of kind %# is parsed within 100 ms [I3]', async (type, text) => {
    const bytes = Buffer.from(text, 'latin1')
    expect(await cpuTimeOf(() => parseBody(bytes, type), 100)).toBeLessThan(100)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { parseBody } from './parse'

const multipart = (body: string | Buffer, boundary = '; boundary=B') =>
  parseBody(Buffer.from(body as string), `multipart/form-data${boundary}`)

const part = (headers: string, content: string) => `--B\r\n${headers}\r\n\r\n${content}\r\n`
const field = (name: string, content: string) =>
  part(`Content-Disposition: form-data; name="${name}"`, content)

const problem = (detail: string) => ({
  ok: false,
  problem: 'multipart-parse-error',
  detail: `Multipart form parse error - ${detail}`,
})

describe('the body in multipart', () => {
  test('any text that the platform writes as a field of multipart is read as it was written [P4]', async () => {
    // As the platform writes a field, its line ends are CR LF.
    const written = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\r\n?|\n/g, '\r\n'))
    const password = fc.tuple(fc.constantFrom('', '\ufeff', ' ', '\r\n', '--B', '\0'), written)
    await fc.assert(
      fc.asyncProperty(password, async (texts) => {
        const data = new FormData()
        data.append('login', 'replaced')
        data.append('login', 'Żółć "quoted" 😀')
        data.append('password', texts.join(''))
        const response = new Response(data)
        const bytes = new Uint8Array(await response.arrayBuffer())
        expect(await parseBody(bytes, response.headers.get('content-type'))).toEqual({
          ok: true,
          value: { login: 'Żółć "quoted" 😀', password: texts.join('') },
        })
      }),
      { numRuns: isLong ? 10_000 : 200 },
    )
  })

  test('a field may contain the boundary inside a line, even a boundary of one letter', async () => {
    for (const boundary of ['B', 'a.', '--', '$&'])
      for (const content of ['B a. -- $& --B --a. $&', `x--${boundary}`, `--x\r\n-${boundary}`]) {
        const body = `--${boundary}\r\nContent-Disposition: form-data; name="login"\r\n\r\n${content}\r\n--${boundary}--\r\n`
        expect(await multipart(body, `; boundary="${boundary}"`)).toEqual({
          ok: true,
          value: { login: content },
        })
      }
  })

  test('a part with a file name is not read as text, and an empty file field is left out', async () => {
    const file = (name: string, filename: string) =>
      Buffer.concat([
        Buffer.from(`--B\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n`),
        Buffer.from('Content-Type: application/octet-stream\r\n\r\n\xff\r\n', 'latin1'),
      ])
    const body = Buffer.concat([file('login', 'a.txt'), file('empty', ''), Buffer.from('--B--')])
    expect(await multipart(body)).toEqual({ ok: true, value: { login: expect.any(Object) } })
  })

  test.each([
    ['no boundary is declared', `${field('login', 'a')}--B--`, ''],
    ['the declared boundary is empty', `${field('login', 'a')}--B--`, '; boundary='],
    ['the declared boundary never occurs', `${field('login', 'a')}--B--`, '; boundary=nope'],
    [
      'a comma and another type follow the boundary',
      'login=a',
      '; boundary=B, application/x-www-form-urlencoded',
    ],
    ['the last boundary is missing', field('login', 'a')],
    ['a part is cut off', field('login', 'a').slice(0, -9)],
    ['a part has no name', `${part('Content-Disposition: form-data', 'a')}--B--`],
    ['a part has no headers', '--B\r\n\r\n\r\na\r\n--B--'],
    ['a part has another disposition', `${part('Content-Disposition: attachment; name="login"', 'a')}--B--`],
    ['a name has no end', `${part('Content-Disposition: form-data; name="login', 'a')}--B--`],
    ['a name has a line end', `${field('log\r\nin', 'a')}--B--`],
    ['a name has a quotation mark', `${field('lo"gin', 'a')}--B--`],
  ])('if %s, a multipart body is malformed [I3]', async (_where, body, boundary?: string) => {
    expect(await multipart(body, boundary)).toEqual(problem('Malformed'))
  })

  test.each([
    'Content-Transfer-Encoding: base64',
    'CONTENT-TRANSFER-ENCODING :\tBase64',
    ' Content-Transfer-Encoding:quoted-printable',
    'Content-Type: text/plain; charset=latin-1',
    'content-type:text/plain;x="y";charset="utf-16"',
  ])(
    'a part with `%s` is refused, since another password would be hashed than was typed [I3]',
    async (header) => {
      for (const headers of [
        `Content-Disposition: form-data; name="password"\r\n${header}`,
        `${header}\r\nContent-Disposition: form-data; name="password"`,
      ])
        expect(await multipart(`${part(headers, 'aGVsbG8=')}--B--`)).toEqual(
          problem('Unsupported encoding of a part'),
        )
    },
  )

  test.each([
    'Content-Transfer-Encoding: 8bit ',
    'Content-Transfer-Encoding:binary',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Type: text/plain;charset="UTF8" ; format=flowed',
    'X-Anything: at all',
  ])('a part with `%s` is read', async (header) => {
    const body = part(`${header}\r\nContent-Disposition: form-data; name="login"`, 'Żółć')
    expect(await multipart(`${body}--B--`)).toEqual({ ok: true, value: { login: 'Żółć' } })
  })

  test('a field of multipart that is not UTF-8 is a parse error, and U+FFFD is accepted [I3]', async () => {
    for (const hex of ['ff', 'c0af', 'eda080', 'e282']) {
      const body = Buffer.from(`${field('password', '@')}--B--`)
        .toString('hex')
        .replace('40', hex)
      expect(await multipart(Buffer.from(body, 'hex'))).toEqual(problem('Invalid UTF-8'))
    }
    expect(await multipart(`${field('password', '\ufffd')}--B--`)).toMatchObject({ ok: true })
  })

  test('`__proto__` is an ordinary field of multipart [I2]', async () => {
    const parsed = await multipart(`${field('__proto__', 'a')}--B--`)
    expect(Object.keys((parsed as { value: object }).value)).toEqual(['__proto__'])
  })
})

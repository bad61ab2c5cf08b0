import { describe, expect, test } from 'vitest'
import { parseBody } from './parse'

function multipart(text: string | Buffer, type = 'multipart/form-data; boundary=B') {
  return parseBody(Buffer.from(text as string, 'utf8'), type)
}

const part = (headers: string, content: string) => `--B\r\n${headers}\r\n\r\n${content}\r\n`
const field = (name: string, content: string) =>
  part(`Content-Disposition: form-data; name="${name}"`, content)

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

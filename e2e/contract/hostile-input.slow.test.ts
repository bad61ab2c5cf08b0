import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { invalid, startAttackedEndpoints, type AttackedEndpoints } from '@/e2e/support/attacked-endpoints'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'
import { json, sent, statusAndJson } from '@/e2e/support/started-endpoints'

let endpoints: AttackedEndpoints
beforeAll(async () => void (endpoints = await startAttackedEndpoints()))
afterAll(() => endpoints?.app.stop())

/** JSON values that are not strings, as text, because JavaScript values cannot express some of them. */
const otherValues = [
  '[]',
  '["{}"]',
  '{}',
  '{"a":1}',
  '1.5',
  '0.0',
  '1e3',
  '1e400',
  '-0.0',
  'true',
  'false',
  'null',
]

describe('types of fields [I1]', () => {
  test.each(['login', 'user_id', 'signature', 'password'])(
    'the field %s accepts only strings and whole numbers',
    async (field) => {
      const { link } = await endpoints.personWithLink()
      const before = await endpoints.allRows()
      const path = field === 'login' ? requestLinkPath : resetPath
      const others: Record<string, unknown> = field === 'login' ? {} : { ...link, password: newPassword() }
      delete others[field]
      const rest = Object.entries(others).map(
        ([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`,
      )
      for (const value of otherValues) {
        const response = await endpoints.post(path, `{"${field}":${value}${rest.join('')}}`)
        const message = value === 'null' ? 'This field may not be null.' : 'Not a valid string.'
        expect([value, ...statusAndJson(response)]).toEqual([value, 400, { [field]: [message] }])
      }
      expect(await endpoints.allRows()).toEqual(before)
    },
  )

  test.each([
    ['that is a list', '[{"login":"victim@example.com"}]'],
    ['that is a string of JSON', '"{\\"login\\":\\"victim@example.com\\"}"'],
    ['whose field name is in capitals', '{"Login":"victim@example.com"}'],
    ['whose field name ends in a space', '{"login ":"victim@example.com"}'],
    ['whose field name is a list in PHP', '{"login[]":"victim@example.com"}'],
  ])('a body %s gets 400 and stores nothing [C1]', async (_what, body) => {
    const before = await endpoints.allRows()
    expect((await endpoints.post(requestLinkPath, body)).status).toBe(400)
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('an uploaded file is not a field, and thousands of nested brackets get 400', async () => {
    const upload = await endpoints.post(
      requestLinkPath,
      '--b\r\nContent-Disposition: form-data; name="login"; filename="x"\r\n\r\nalice\r\n--b--\r\n',
      { headers: [['Content-Type', 'multipart/form-data; boundary=b']] },
    )
    expect(statusAndJson(upload)).toEqual([400, { login: ['Not a valid string.'] }])
    const deep = 8000
    const response = await endpoints.post(requestLinkPath, `{"login":${'['.repeat(deep)}${']'.repeat(deep)}}`)
    expect(statusAndJson(response)).toEqual([400, { detail: 'JSON parse error - Nested too deeply' }])
    expect((await endpoints.post(requestLinkPath, '{"login":'.repeat(1700))).status).toBe(400)
  })
})

describe('values outside the fields of an endpoint [I2]', () => {
  test('unknown fields of a reset change nothing in the account', async () => {
    const { person, link } = await endpoints.personWithLink()
    const row = async () =>
      (await endpoints.app.sql.query('SELECT * FROM "rekey"."users" WHERE "id" = $1', [person.id])).rows[0]
    const before = await row()
    const extras = {
      email: 'evil@evil.example',
      username: 'evil',
      is_active: false,
      is_staff: true,
      id: 1,
      locale: 'xx',
    }
    const response = await endpoints.post(
      resetPath,
      JSON.stringify({ ...extras, ...link, password: newPassword() }),
    )
    expect(response.status).toBe(200)
    const after = await row()
    expect({ ...after, password: null, password_changed_at: null }).toEqual({
      ...before,
      password: null,
      password_changed_at: null,
    })
  })

  test.each([
    ['__proto__', (fields: string) => `{"__proto__":${fields}}`],
    ['constructor.prototype', (fields: string) => `{"constructor":{"prototype":${fields}}}`],
    [
      'a path in a name',
      (fields: string) => `{"__proto__.login":"x","constructor[prototype][login]":${fields}}`,
    ],
  ])('fields in %s are ignored, in this request and in the next', async (_where, wrap) => {
    const { person, link } = await endpoints.personWithLink()
    const before = await endpoints.allRows()
    const fields = JSON.stringify({ login: person.username, ...link, password: newPassword() })
    const missing = ['This field is required.']
    expect(statusAndJson(await endpoints.post(requestLinkPath, wrap(fields)))).toEqual([
      400,
      { login: missing },
    ])
    const all = { user_id: missing, timestamp: missing, signature: missing, password: missing }
    expect(statusAndJson(await endpoints.post(resetPath, wrap(fields)))).toEqual([400, all])
    expect(statusAndJson(await endpoints.post(requestLinkPath, '{}'))).toEqual([400, { login: missing }])
    expect(statusAndJson(await endpoints.post(resetPath, '{}'))).toEqual([400, all])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('a form field named like a property of all objects is ignored', async () => {
    for (const body of ['__proto__=x&__proto__[login]=x', 'constructor=x&toString=x&hasOwnProperty=x']) {
      const response = await endpoints.post(requestLinkPath, body, {
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      })
      expect(statusAndJson(response)).toEqual([400, { login: ['This field is required.'] }])
    }
  })

  test('query, headers and cookies add no fields and override none', async () => {
    const [named, other] = [await endpoints.personWithLink(), await endpoints.personWithLink()]
    const query = `?login=${other.person.username}&email=${other.person.email}`
    const given = {
      path: `${requestLinkPath}${query}`,
      headers: [json, ['Cookie', `login=${other.person.username}`], ['Login', other.person.username]] as [
        string,
        string,
      ][],
    }
    expect(statusAndJson(await endpoints.post('', '{}', given))).toEqual([
      400,
      { login: ['This field is required.'] },
    ])
    expect(
      statusAndJson(await endpoints.post('', JSON.stringify({ login: named.person.username }), given)),
    ).toEqual([200, sent])
    await endpoints.app.sink.next(named.person.email)
    expect(endpoints.app.sink.countTo(other.person.email)).toBe(0)
    const link = new URLSearchParams({
      ...named.link,
      timestamp: String(named.link.timestamp),
      password: newPassword(),
    })
    const before = await endpoints.allRows()
    expect((await endpoints.post('', '{}', { path: `${resetPath}?${link}` })).status).toBe(400)
    expect(await endpoints.allRows()).toEqual(before)
  })
})

describe('null characters and lone surrogates [I4]', () => {
  test.each<[string, string, string]>([
    ['U+0000 in it', 'a\\u0000b', 'Null characters are not allowed.'],
    ['only U+0000', '\\u0000', 'Null characters are not allowed.'],
    ['the first half of a pair', 'a\\ud800b', 'Surrogate characters are not allowed: U+D800.'],
    ['the second half of a pair', 'a\\udfff', 'Surrogate characters are not allowed: U+DFFF.'],
    ['the halves in the wrong order', '\\udc00\\ud800', 'Surrogate characters are not allowed: U+DC00.'],
  ])('a value with %s is rejected in every field', async (_what, text, message) => {
    const { link } = await endpoints.personWithLink()
    const before = await endpoints.allRows()
    for (const field of ['login', 'user_id', 'signature', 'password']) {
      const whole = field === 'login' ? { login: '@' } : { ...link, password: newPassword(), [field]: '@' }
      const body = JSON.stringify(whole).replace('"@"', `"${text}"`)
      expect(
        statusAndJson(await endpoints.post(field === 'login' ? requestLinkPath : resetPath, body)),
      ).toEqual([400, { [field]: [message] }])
    }
    const withTimestamp = JSON.stringify({ ...link, password: newPassword(), timestamp: '@' }).replace(
      '"@"',
      `"${text}"`,
    )
    expect(statusAndJson(await endpoints.post(resetPath, withTimestamp))).toEqual([
      400,
      { timestamp: ['A valid integer is required.'] },
    ])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('other control characters forge no header, log line or SMTP command [L4]', async () => {
    const { person, link } = await endpoints.personWithLink()
    const forging = [
      '\r\nX-Forged: 1',
      '\n{"event":"forged"}',
      '\u001b[31mforged',
      '\u2028forged',
      '\r\n.\r\nRCPT TO:<forged@evil.example>\r\n',
      '\u0085forged',
      '%0d%0aX-Forged: 1',
    ]
    for (const evil of forging) {
      const named = await endpoints.post(requestLinkPath, JSON.stringify({ login: `${person.email}${evil}` }))
      expect(statusAndJson(named)).toEqual([200, sent])
      for (const field of ['user_id', 'signature'] as const) {
        const response = await endpoints.post(
          resetPath,
          JSON.stringify({ ...link, password: newPassword(), [field]: `${link[field]}${evil}` }),
        )
        expect(statusAndJson(response)).toEqual(invalid)
        expect(response.headers).not.toHaveProperty('x-forged')
      }
      const typed = new URLSearchParams({ login: evil, signature: evil, user_id: evil, timestamp: evil })
      const form = await endpoints.post(resetPath, String(typed), {
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Accept', 'text/html'],
        ],
      })
      expect([form.status, form.headers['x-forged']]).toEqual([303, undefined])
    }
    const after = await endpoints.app.addPerson()
    await endpoints.post(requestLinkPath, JSON.stringify({ login: after.username }))
    await endpoints.app.sink.next(after.email)
    expect(endpoints.app.sink.countTo(person.email)).toBe(0)
    expect(endpoints.app.sink.emails.flatMap(({ recipients }) => recipients).join()).not.toMatch(/evil/)
    expect(endpoints.logLines().map(({ event }) => event)).not.toContain('forged')
    expect(endpoints.app.output()).not.toMatch(/[\u001b\u0085\u2028]/)
  })

  test('a password may contain control characters [P4]', async () => {
    for (const character of [
      '\t',
      '\n',
      '\r',
      '\u001b',
      '\u007f',
      '\u0085',
      '\u200b',
      '\u2028',
      '\ufeff',
      '\uffff',
      '\u{10ffff}',
    ]) {
      const { person, link } = await endpoints.personWithLink()
      const password = `${character}gravel ${character} lantern${character}`
      expect((await endpoints.post(resetPath, JSON.stringify({ ...link, password }))).status).toBe(200)
      expect(await endpoints.app.passwordIs(person, password)).toBe(true)
    }
  })
})

describe('long input [C14]', () => {
  test.each([
    ['a long username', { login: 'a'.repeat(15_000) }],
    ['a long email address', { login: `${'a'.repeat(7_000)}@${'b.'.repeat(3_500)}example` }],
    ['nested groups', { login: 'g:'.repeat(7_000) }],
    ['many spaces', { login: `a${' '.repeat(15_000)}b` }],
    ['many at signs', { login: '@'.repeat(15_000) }],
    ['combining marks', { login: `a${'\u0301'.repeat(7_000)}@example.com` }],
  ])('a request with %s gets the ordinary response in an ordinary time [I5, C5]', async (_what, body) => {
    const times: Record<'long' | 'short', number[]> = { long: [], short: [] }
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now()
      expect(statusAndJson(await endpoints.post(requestLinkPath, JSON.stringify(body)))).toEqual([200, sent])
      const between = performance.now()
      expect(statusAndJson(await endpoints.post(requestLinkPath, '{"login":"nobody"}'))).toEqual([200, sent])
      times.long.push(between - started)
      times.short.push(performance.now() - between)
    }
    // Sending, storing and reading sixteen kilobytes takes time, too.
    expect(Math.min(...times.long)).toBeLessThan(Math.min(...times.short) * 5 + 50)
  })
})

test('the app still sends links after these attacks, and has logged no crash and no internal error [C15]', () =>
  endpoints.expectUnharmed())

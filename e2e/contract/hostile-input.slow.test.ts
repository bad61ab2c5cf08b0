import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import { invalid, startAttackedEndpoints, type AttackedEndpoints } from '@/e2e/support/attacked-endpoints'
import { signedLinks } from '@/e2e/support/signed-links'
import { json, paths, sent, told } from '@/e2e/support/started-endpoints'

// Whatever is sent: never an error of ours, never accepted, no row changed.

let endpoints: AttackedEndpoints
beforeAll(async () => void (endpoints = await startAttackedEndpoints()))
afterAll(() => endpoints?.app.stop())

/** What JSON has that is no text; written out, since some of it no JavaScript value can say. */
const noTexts = [
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

describe('only texts and whole numbers are fields [I1]', () => {
  test.each(['login', 'user_id', 'signature', 'password'])('%s takes nothing else', async (field) => {
    const { link } = await endpoints.someone()
    const before = await endpoints.allRows()
    const path = field === 'login' ? paths.send : paths.reset
    const others: Record<string, unknown> = field === 'login' ? {} : { ...link, password: newPassword() }
    delete others[field]
    const rest = Object.entries(others).map(
      ([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`,
    )
    for (const value of noTexts) {
      const answer = await endpoints.post(path, `{"${field}":${value}${rest.join('')}}`)
      const message = value === 'null' ? 'This field may not be null.' : 'Not a valid string.'
      expect([value, ...told(answer)]).toEqual([value, 400, { [field]: [message] }])
    }
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('0, [], {}, null, "" and true are no signature, no user id and no time; nobody is touched [C11]', async () => {
    const { link } = await endpoints.someone()
    const before = await endpoints.allRows()
    for (const field of ['user_id', 'timestamp', 'signature'] as const) {
      for (const value of [0, -1, [], [link[field]], {}, { 0: link[field] }, null, '', true, false]) {
        const body = JSON.stringify({ ...link, password: newPassword(), [field]: value })
        expect([field, value, (await endpoints.post(paths.reset, body)).status]).toEqual([field, value, 400])
      }
    }
    const lists = new URLSearchParams({
      'signature[]': link.signature,
      'user_id[]': link.user_id,
      password: newPassword(),
    })
    const form = await endpoints.post(paths.reset, `${lists}&timestamp=${link.timestamp}`, {
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    })
    const missing = ['This field is required.']
    expect(told(form)).toEqual([400, { user_id: missing, signature: missing }])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test.each([
    ['several logins in one', '{"login":["victim@example.com","evil@example.com"]}'],
    ['several logins as an object', '{"login":{"0":"victim@example.com","1":"evil@example.com"}}'],
    ['the body as a list', '[{"login":"victim@example.com"}]'],
    ['a text that holds JSON', '"{\\"login\\":\\"victim@example.com\\"}"'],
    ['the name in capitals', '{"Login":"victim@example.com"}'],
    ['a name with a blank', '{"login ":"victim@example.com"}'],
    ['PHP’s spelling of a list', '{"login[]":"victim@example.com"}'],
  ])('%s is refused [C1]', async (_what, body) => {
    const before = await endpoints.allRows()
    expect((await endpoints.post(paths.send, body)).status).toBe(400)
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('an upload is no field, and a thousand levels of brackets are no crash', async () => {
    const upload = await endpoints.post(
      paths.send,
      '--b\r\nContent-Disposition: form-data; name="login"; filename="x"\r\n\r\nalice\r\n--b--\r\n',
      { headers: [['Content-Type', 'multipart/form-data; boundary=b']] },
    )
    expect(told(upload)).toEqual([400, { login: ['Not a valid string.'] }])
    const deep = 8000
    const answer = await endpoints.post(paths.send, `{"login":${'['.repeat(deep)}${']'.repeat(deep)}}`)
    expect(told(answer)).toEqual([400, { detail: 'JSON parse error - Nested too deeply' }])
    expect((await endpoints.post(paths.send, '{"login":'.repeat(1700))).status).toBe(400)
  })
})

describe('nothing but the body’s own fields counts [I2]', () => {
  test('more recipients beside the login have no effect: the email goes to the stored address alone [C1]', async () => {
    const { person } = await endpoints.someone()
    const extras = Object.fromEntries(
      [
        'email',
        'email2',
        'to',
        'cc',
        'bcc',
        'recipients',
        'username',
        'from',
        'redirect_to',
        'reset_url',
        'callbackURL',
        'next',
      ].map((name) => [name, 'https://evil.example/evil@evil.example']),
    )
    const answer = await endpoints.post(
      paths.send,
      JSON.stringify({ ...extras, login: person.username, to2: ['evil@evil.example'] }),
    )
    expect(told(answer)).toEqual([200, sent])
    const email = await endpoints.app.sink.next(person.email)
    expect(email.recipients).toEqual([person.email])
    expect(email.raw.toString()).not.toMatch(/evil/) // C9
    expect(new URL(email.link!).origin).toBe(endpoints.app.url)
  })

  test('unknown fields of a reset change nothing about the account but its password', async () => {
    const { person, link } = await endpoints.someone()
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
    const answer = await endpoints.post(
      paths.reset,
      JSON.stringify({ ...extras, ...link, password: newPassword() }),
    )
    expect(answer.status).toBe(200)
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
  ])('fields in %s are no fields, of this request or the next', async (_where, wrap) => {
    const { person, link } = await endpoints.someone()
    const before = await endpoints.allRows()
    const fields = JSON.stringify({ login: person.username, ...link, password: newPassword() })
    const missing = ['This field is required.']
    expect(told(await endpoints.post(paths.send, wrap(fields)))).toEqual([400, { login: missing }])
    const all = { user_id: missing, timestamp: missing, signature: missing, password: missing }
    expect(told(await endpoints.post(paths.reset, wrap(fields)))).toEqual([400, all])
    expect(told(await endpoints.post(paths.send, '{}'))).toEqual([400, { login: missing }])
    expect(told(await endpoints.post(paths.reset, '{}'))).toEqual([400, all])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('__proto__ in a form is an unknown field like others', async () => {
    for (const body of ['__proto__=x&__proto__[login]=x', 'constructor=x&toString=x&hasOwnProperty=x']) {
      const answer = await endpoints.post(paths.send, body, {
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      })
      expect(told(answer)).toEqual([400, { login: ['This field is required.'] }])
    }
  })

  test('neither the query nor a header nor a cookie is a field, and none overrides one', async () => {
    const [asked, other] = [await endpoints.someone(), await endpoints.someone()]
    const query = `?login=${other.person.username}&email=${other.person.email}`
    const given = {
      path: `${paths.send}${query}`,
      headers: [json, ['Cookie', `login=${other.person.username}`], ['Login', other.person.username]] as [
        string,
        string,
      ][],
    }
    expect(told(await endpoints.post('', '{}', given))).toEqual([400, { login: ['This field is required.'] }])
    expect(told(await endpoints.post('', JSON.stringify({ login: asked.person.username }), given))).toEqual([
      200,
      sent,
    ])
    await endpoints.app.sink.next(asked.person.email)
    expect(endpoints.app.sink.countTo(other.person.email)).toBe(0)
    const link = new URLSearchParams({
      ...asked.link,
      timestamp: String(asked.link.timestamp),
      password: newPassword(),
    })
    const before = await endpoints.allRows()
    expect((await endpoints.post('', '{}', { path: `${paths.reset}?${link}` })).status).toBe(400)
    expect(await endpoints.allRows()).toEqual(before)
  })
})

describe('characters that are none [I4]', () => {
  test.each<[string, string, string]>([
    ['U+0000', 'a\\u0000b', 'Null characters are not allowed.'],
    ['U+0000 and nothing else', '\\u0000', 'Null characters are not allowed.'],
    ['the first half of a pair', 'a\\ud800b', 'Surrogate characters are not allowed: U+D800.'],
    ['the second half of a pair', 'a\\udfff', 'Surrogate characters are not allowed: U+DFFF.'],
    ['the halves in the wrong order', '\\udc00\\ud800', 'Surrogate characters are not allowed: U+DC00.'],
  ])('%s is refused in every field', async (_what, text, message) => {
    const { link } = await endpoints.someone()
    const before = await endpoints.allRows()
    for (const field of ['login', 'user_id', 'signature', 'password']) {
      const whole = field === 'login' ? { login: '@' } : { ...link, password: newPassword(), [field]: '@' }
      const body = JSON.stringify(whole).replace('"@"', `"${text}"`)
      expect(told(await endpoints.post(field === 'login' ? paths.send : paths.reset, body))).toEqual([
        400,
        { [field]: [message] },
      ])
    }
    const time = JSON.stringify({ ...link, password: newPassword(), timestamp: '@' }).replace(
      '"@"',
      `"${text}"`,
    )
    expect(told(await endpoints.post(paths.reset, time))).toEqual([
      400,
      { timestamp: ['A valid integer is required.'] },
    ])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('other control characters forge no header, no log line, no SMTP command [L4]', async () => {
    const { person, link } = await endpoints.someone()
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
      const asked = await endpoints.post(paths.send, JSON.stringify({ login: `${person.email}${evil}` }))
      expect(told(asked)).toEqual([200, sent])
      for (const field of ['user_id', 'signature'] as const) {
        const answer = await endpoints.post(
          paths.reset,
          JSON.stringify({ ...link, password: newPassword(), [field]: `${link[field]}${evil}` }),
        )
        expect(told(answer)).toEqual(invalid)
        expect(answer.headers).not.toHaveProperty('x-forged')
      }
      const typed = new URLSearchParams({ login: evil, signature: evil, user_id: evil, timestamp: evil })
      const form = await endpoints.post(paths.reset, String(typed), {
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Accept', 'text/html'],
        ],
      })
      expect([form.status, form.headers['x-forged']]).toEqual([303, undefined])
    }
    const after = await endpoints.app.addPerson()
    await endpoints.post(paths.send, JSON.stringify({ login: after.username }))
    await endpoints.app.sink.next(after.email)
    expect(endpoints.app.sink.countTo(person.email)).toBe(0)
    expect(endpoints.app.sink.emails.flatMap(({ recipients }) => recipients).join()).not.toMatch(/evil/)
    expect(endpoints.logLines().map(({ event }) => event)).not.toContain('forged')
    expect(endpoints.app.output()).not.toMatch(/[\u001b\u0085\u2028]/)
  })

  test('in a password they are characters like others [P4]', async () => {
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
      const { person, link } = await endpoints.someone()
      const password = `${character}gravel ${character} lantern${character}`
      expect((await endpoints.post(paths.reset, JSON.stringify({ ...link, password }))).status).toBe(200)
      expect(await endpoints.app.passwordIs(person, password)).toBe(true)
    }
  })
})

describe('long input [C14]', () => {
  test('a megabyte is refused unread, declared or in chunks, with a link that would work', async () => {
    const { link } = await endpoints.someone()
    const before = await endpoints.allRows()
    const body = JSON.stringify({ ...link, password: 'gravel lantern '.repeat(70_000) })
    const declared = await endpoints.post(paths.reset, JSON.stringify(link), {
      headers: [json, ['Content-Length', String(body.length)]],
    })
    expect(told(declared)).toEqual([413, { detail: 'Request body too large.' }])
    const chunked = await endpoints.post(paths.reset, body.slice(0, 200_000), { chunkSize: 16_000 })
    expect(told(chunked)).toEqual([413, { detail: 'Request body too large.' }])
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('the longest password that fits a body costs less than hashing one, even against long names', async () => {
    const longName = 'ab.cd-ef '.repeat(1_000)
    const person = await endpoints.app.addPerson({ firstName: longName, lastName: longName.toUpperCase() })
    const password = 'ab.cd-ef '.repeat(1_700)
    const times: Record<'refused' | 'hashed', number[]> = { refused: [], hashed: [] }
    for (let round = 0; round < 7; round += 1) {
      const link = await signedLinks(endpoints.app).linkOf(person)
      const started = performance.now()
      const refused = await endpoints.post(paths.reset, JSON.stringify({ ...link, password }))
      const between = performance.now()
      const changed = await endpoints.post(paths.reset, JSON.stringify({ ...link, password: newPassword() }))
      times.refused.push(between - started)
      times.hashed.push(performance.now() - between)
      expect(refused.status).toBe(400)
      expect(JSON.stringify(refused.json)).toMatch(/It must contain at most 256 characters\./)
      expect(changed.status).toBe(200)
    }
    // The quickest of each: what else the machine does only ever adds.
    expect(Math.min(...times.refused)).toBeLessThan(Math.min(...times.hashed))
  })

  test.each([
    ['a long login', { login: 'a'.repeat(15_000) }],
    ['a long address', { login: `${'a'.repeat(7_000)}@${'b.'.repeat(3_500)}example` }],
    ['nested groups', { login: 'g:'.repeat(7_000) }],
    ['many blanks', { login: `a${' '.repeat(15_000)}b` }],
    ['many at signs', { login: '@'.repeat(15_000) }],
    ['combining marks', { login: `a${'\u0301'.repeat(7_000)}@example.com` }],
  ])('%s is answered as ever, and as quickly [I5, C5]', async (_what, body) => {
    const times: Record<'long' | 'short', number[]> = { long: [], short: [] }
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now()
      expect(told(await endpoints.post(paths.send, JSON.stringify(body)))).toEqual([200, sent])
      const between = performance.now()
      expect(told(await endpoints.post(paths.send, '{"login":"nobody"}'))).toEqual([200, sent])
      times.long.push(between - started)
      times.short.push(performance.now() - between)
    }
    // The quickest of each, with room for what sixteen kilobytes take to send, store and look at once.
    expect(Math.min(...times.long)).toBeLessThan(Math.min(...times.short) * 5 + 50)
  })
})

test('after all this the app is the one that was started, and has had no fault of its own [C15]', () =>
  endpoints.expectUnharmed())

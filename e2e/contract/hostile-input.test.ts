import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLinks, type SignedState } from '@/lib/reset-link'
import { newPassword, startApp, type Person, type RunningApp } from '../world/running-app'
import { exchange, type Received, type Sent } from './exchange'
import { signedLinks } from './signed-links'

// Whatever is sent: never an error of ours, never accepted, no row changed.

const paths = {
  send: '/api/v1/accounts/send-reset-password-link/',
  reset: '/api/v1/accounts/reset-password/',
}
const json: [string, string] = ['Content-Type', 'application/json']

let app: RunningApp
beforeAll(async () => {
  // I2: the app needs nothing of `__proto__`; without it, nothing can be polluted through it.
  app = await startApp({ env: { NODE_OPTIONS: '--disable-proto=delete' } })
})
afterAll(() => app?.stop())

type Link = { user_id: string; timestamp: number; signature: string }

const post = (path: string, body: string | Buffer, given: Partial<Sent> = {}) =>
  exchange(app.port, { path, headers: [json], body, ...given })
const told = ({ status, json: body }: Received) => [status, body]
const invalid = [400, { detail: 'Invalid signature', code: 'signature-invalid' }]
const used = [400, { detail: 'Invalid signature', code: 'signature-used' }]
const sent = [200, { detail: 'Reset link sent if the user exists in database' }]

/** All that a refused request must leave as it was: the accounts, what is kept beside them, and who asked. */
async function allRows(): Promise<unknown> {
  const tables = [
    '"users"',
    '"rekey_recovery"',
    `(SELECT id FROM pgboss.job WHERE name = 'send-links') AS asks`,
  ]
  return Promise.all(
    tables.map(async (table) => (await app.sql.query(`SELECT * FROM ${table} ORDER BY 1`)).rows),
  )
}

/** An account with a link that would work. */
async function someone(): Promise<{ person: Person; link: Link }> {
  const person = await app.addPerson()
  return { person, link: await signedLinks(app).linkOf(person) }
}

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

describe('I1: only texts and whole numbers are fields', () => {
  test.each(['login', 'user_id', 'signature', 'password'])('%s takes nothing else', async (field) => {
    const { link } = await someone()
    const before = await allRows()
    const path = field === 'login' ? paths.send : paths.reset
    const others: Record<string, unknown> = field === 'login' ? {} : { ...link, password: newPassword() }
    delete others[field]
    const rest = Object.entries(others).map(
      ([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`,
    )
    for (const value of noTexts) {
      const answer = await post(path, `{"${field}":${value}${rest.join('')}}`)
      const message = value === 'null' ? 'This field may not be null.' : 'Not a valid string.'
      expect([value, ...told(answer)]).toEqual([value, 400, { [field]: [message] }])
    }
    expect(await allRows()).toEqual(before)
  })

  test('C11: 0, [], {}, null, "" and true are no signature, no user id and no time; nobody is touched', async () => {
    const { link } = await someone()
    const before = await allRows()
    for (const field of ['user_id', 'timestamp', 'signature'] as const) {
      for (const value of [0, -1, [], [link[field]], {}, { 0: link[field] }, null, '', true, false]) {
        const body = JSON.stringify({ ...link, password: newPassword(), [field]: value })
        expect([field, value, (await post(paths.reset, body)).status]).toEqual([field, value, 400])
      }
    }
    const lists = new URLSearchParams({
      'signature[]': link.signature,
      'user_id[]': link.user_id,
      password: newPassword(),
    })
    const form = await post(paths.reset, `${lists}&timestamp=${link.timestamp}`, {
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    })
    const missing = ['This field is required.']
    expect(told(form)).toEqual([400, { user_id: missing, signature: missing }])
    expect(await allRows()).toEqual(before)
  })

  test.each([
    ['several logins in one', '{"login":["victim@example.com","evil@example.com"]}'],
    ['several logins as an object', '{"login":{"0":"victim@example.com","1":"evil@example.com"}}'],
    ['the body as a list', '[{"login":"victim@example.com"}]'],
    ['a text that holds JSON', '"{\\"login\\":\\"victim@example.com\\"}"'],
    ['the name in capitals', '{"Login":"victim@example.com"}'],
    ['a name with a blank', '{"login ":"victim@example.com"}'],
    ['PHP’s spelling of a list', '{"login[]":"victim@example.com"}'],
  ])('C1: %s is refused', async (_what, body) => {
    const before = await allRows()
    expect((await post(paths.send, body)).status).toBe(400)
    expect(await allRows()).toEqual(before)
  })

  test('an upload is no field, and a thousand levels of brackets are no crash', async () => {
    const upload = await post(
      paths.send,
      '--b\r\nContent-Disposition: form-data; name="login"; filename="x"\r\n\r\nalice\r\n--b--\r\n',
      { headers: [['Content-Type', 'multipart/form-data; boundary=b']] },
    )
    expect(told(upload)).toEqual([400, { login: ['Not a valid string.'] }])
    const deep = 8000
    const answer = await post(paths.send, `{"login":${'['.repeat(deep)}${']'.repeat(deep)}}`)
    expect(told(answer)).toEqual([400, { login: ['Not a valid string.'] }])
    expect((await post(paths.send, '{"login":'.repeat(1700))).status).toBe(400)
  })
})

describe('I2: nothing but the body’s own fields counts', () => {
  test('C1: more recipients beside the login have no effect: the letter goes to the stored address alone', async () => {
    const { person } = await someone()
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
    const answer = await post(
      paths.send,
      JSON.stringify({ ...extras, login: person.username, to2: ['evil@evil.example'] }),
    )
    expect(told(answer)).toEqual(sent)
    const letter = await app.sink.next(person.email)
    expect(letter.recipients).toEqual([person.email])
    expect(letter.raw.toString()).not.toMatch(/evil/) // C9
    expect(new URL(letter.link!).origin).toBe(app.url)
  })

  test('unknown fields of a reset change nothing about the account but its password', async () => {
    const { person, link } = await someone()
    const row = async () =>
      (await app.sql.query('SELECT * FROM "users" WHERE "id" = $1', [person.id])).rows[0]
    const before = await row()
    const extras = {
      email: 'evil@evil.example',
      username: 'evil',
      is_active: false,
      is_staff: true,
      id: 1,
      locale: 'xx',
    }
    const answer = await post(paths.reset, JSON.stringify({ ...extras, ...link, password: newPassword() }))
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
    const { person, link } = await someone()
    const before = await allRows()
    const fields = JSON.stringify({ login: person.username, ...link, password: newPassword() })
    const missing = ['This field is required.']
    expect(told(await post(paths.send, wrap(fields)))).toEqual([400, { login: missing }])
    const all = { user_id: missing, timestamp: missing, signature: missing, password: missing }
    expect(told(await post(paths.reset, wrap(fields)))).toEqual([400, all])
    expect(told(await post(paths.send, '{}'))).toEqual([400, { login: missing }])
    expect(told(await post(paths.reset, '{}'))).toEqual([400, all])
    expect(await allRows()).toEqual(before)
  })

  test('__proto__ in a form is a field like others, so nobody’s', async () => {
    for (const body of ['__proto__=x&__proto__[login]=x', 'constructor=x&toString=x&hasOwnProperty=x']) {
      const answer = await post(paths.send, body, {
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      })
      expect(told(answer)).toEqual([400, { login: ['This field is required.'] }])
    }
  })

  test('neither the query nor a header nor a cookie is a field, and none overrides one', async () => {
    const [asked, other] = [await someone(), await someone()]
    const query = `?login=${other.person.username}&email=${other.person.email}`
    const given = {
      path: `${paths.send}${query}`,
      headers: [json, ['Cookie', `login=${other.person.username}`], ['Login', other.person.username]] as [
        string,
        string,
      ][],
    }
    expect(told(await post('', '{}', given))).toEqual([400, { login: ['This field is required.'] }])
    expect(told(await post('', JSON.stringify({ login: asked.person.username }), given))).toEqual(sent)
    await app.sink.next(asked.person.email)
    expect(app.sink.countTo(other.person.email)).toBe(0)
    const link = new URLSearchParams({
      ...asked.link,
      timestamp: String(asked.link.timestamp),
      password: newPassword(),
    })
    const before = await allRows()
    expect((await post('', '{}', { path: `${paths.reset}?${link}` })).status).toBe(400)
    expect(await allRows()).toEqual(before)
  })
})

describe('I4: characters that are none', () => {
  test.each<[string, string, string]>([
    ['U+0000', 'a\\u0000b', 'Null characters are not allowed.'],
    ['U+0000 and nothing else', '\\u0000', 'Null characters are not allowed.'],
    ['the first half of a pair', 'a\\ud800b', 'Surrogate characters are not allowed: U+D800.'],
    ['the second half of a pair', 'a\\udfff', 'Surrogate characters are not allowed: U+DFFF.'],
    ['the halves in the wrong order', '\\udc00\\ud800', 'Surrogate characters are not allowed: U+DC00.'],
  ])('%s is refused in every field', async (_what, text, message) => {
    const { link } = await someone()
    const before = await allRows()
    for (const field of ['login', 'user_id', 'signature', 'password']) {
      const whole = field === 'login' ? { login: '@' } : { ...link, password: newPassword(), [field]: '@' }
      const body = JSON.stringify(whole).replace('"@"', `"${text}"`)
      expect(told(await post(field === 'login' ? paths.send : paths.reset, body))).toEqual([
        400,
        { [field]: [message] },
      ])
    }
    const time = JSON.stringify({ ...link, password: newPassword(), timestamp: '@' }).replace(
      '"@"',
      `"${text}"`,
    )
    expect(told(await post(paths.reset, time))).toEqual([
      400,
      { timestamp: ['A valid integer is required.'] },
    ])
    expect(await allRows()).toEqual(before)
  })

  test('L4: other control characters forge no header, no log line, no SMTP command', async () => {
    const { person, link } = await someone()
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
      const asked = await post(paths.send, JSON.stringify({ login: `${person.email}${evil}` }))
      expect(told(asked)).toEqual(sent)
      for (const field of ['user_id', 'signature'] as const) {
        const answer = await post(
          paths.reset,
          JSON.stringify({ ...link, password: newPassword(), [field]: `${link[field]}${evil}` }),
        )
        expect(told(answer)).toEqual(invalid)
        expect(answer.headers).not.toHaveProperty('x-forged')
      }
      const typed = new URLSearchParams({ login: evil, signature: evil, user_id: evil, timestamp: evil })
      const form = await post(paths.reset, String(typed), {
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Accept', 'text/html'],
        ],
      })
      expect([form.status, form.headers['x-forged']]).toEqual([303, undefined])
    }
    const after = await app.addPerson()
    await post(paths.send, JSON.stringify({ login: after.username }))
    await app.sink.next(after.email)
    expect(app.sink.countTo(person.email)).toBe(0)
    expect(app.sink.letters.flatMap(({ recipients }) => recipients).join()).not.toMatch(/evil/)
    expect(logLines().map(({ event }) => event)).not.toContain('forged')
    expect(app.output()).not.toMatch(/[\u001b\u0085\u2028]/)
  })

  test('P4: in a password they are characters like others', async () => {
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
      const { person, link } = await someone()
      const password = `${character}gravel ${character} lantern${character}`
      expect((await post(paths.reset, JSON.stringify({ ...link, password }))).status).toBe(200)
      expect(await app.passwordIs(person, password)).toBe(true)
    }
  })
})

describe('T8: a signature has one spelling', () => {
  test.each<[string, (signature: string) => unknown]>([
    ['empty', () => ''],
    ['one character', () => 'A'],
    ['short by one', (signature) => signature.slice(0, -1)],
    ['its first half', (signature) => signature.slice(0, 43)],
    ['its second half', (signature) => signature.slice(43)],
    ['long by one', (signature) => `${signature}A`],
    ['twice', (signature) => signature + signature],
    ['very long', (signature) => signature.padEnd(10_000, 'A')],
    ['padded', (signature) => `${signature}==`],
    ['padded once', (signature) => `${signature}=`],
    ['with its case turned', turnCase],
    ['in capitals', (signature) => signature.toUpperCase()],
    ['in plain base64', (signature) => Buffer.from(signature, 'base64url').toString('base64')],
    ['in hexadecimal', (signature) => Buffer.from(signature, 'base64url').toString('hex')],
    ['with other spare bits', otherSpareBits],
    ['with a blank inside', (signature) => `${signature.slice(0, 40)} ${signature.slice(40)}`],
    ['with a line break inside', (signature) => `${signature.slice(0, 40)}\r\n${signature.slice(40)}`],
    ['with a zero-width space', (signature) => `${signature}\u200b`],
    [
      'in full-width letters',
      (signature) =>
        signature.replace(/[A-Za-z0-9]/g, (ascii) => String.fromCodePoint(ascii.codePointAt(0)! + 0xfee0)),
    ],
    ['with one bit changed in its first part', (signature) => otherBit(signature, 0)],
    ['with one bit changed in its last part', (signature) => otherBit(signature, 63)],
    ['with its parts exchanged', (signature) => exchangeHalves(signature)],
    ['of nothing but zeros', () => 'A'.repeat(86)],
    ['as a number', () => 0],
    ['not ASCII', () => 'é'.repeat(86)],
  ])('%s: never accepted, never an error of ours', async (_how, spoil) => {
    const { person, link } = await someone()
    const password = newPassword()
    const before = await allRows()
    const answer = await post(
      paths.reset,
      JSON.stringify({ ...link, signature: spoil(link.signature), password }),
    )
    expect(answer.status).toBe(400)
    expect(answer.json).toEqual(
      spoil(link.signature) === '' ? { signature: ['This field may not be blank.'] } : invalid[1],
    )
    expect(await allRows()).toEqual(before)
    expect((await post(paths.reset, JSON.stringify({ ...link, password }))).status).toBe(200) // the same link, unspoilt
    expect(await app.passwordIs(person, password)).toBe(true)
  })
})

describe('T9: user id and time have one spelling', () => {
  test.each<[string, (seconds: number) => string, 'field' | 'signature']>([
    ['a sign', (seconds) => `"+${seconds}"`, 'field'],
    ['a leading zero', (seconds) => `"0${seconds}"`, 'field'],
    ['a fraction', (seconds) => `"${seconds}.0"`, 'field'],
    ['a point', (seconds) => `"${seconds}."`, 'field'],
    ['a fraction in JSON', (seconds) => `${seconds}.0`, 'field'],
    ['an exponent', (seconds) => `"${seconds}e0"`, 'field'],
    ['an exponent in JSON', (seconds) => `${seconds}e0`, 'field'],
    ['hexadecimal', (seconds) => `"0x${seconds.toString(16)}"`, 'field'],
    ['underscores', (seconds) => `"${String(seconds).replace(/\d{3}$/, '_$&')}"`, 'field'],
    [
      'full-width digits',
      (seconds) =>
        `"${String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))}"`,
      'field',
    ],
    [
      'Arabic digits',
      (seconds) =>
        `"${String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0x630))}"`,
      'field',
    ],
    ['a blank inside', (seconds) => `"${String(seconds).replace(/^./, '$& ')}"`, 'field'],
    ['a negative number', (seconds) => `"-${seconds}"`, 'field'],
    ['a negative number in JSON', (seconds) => `-${seconds}`, 'signature'],
    ['more than 2^53', () => '"9007199254740993"', 'field'],
    ['more than 2^53 in JSON', () => '9007199254740993', 'signature'],
    ['a number beyond all', () => '9'.repeat(5000), 'signature'],
    ['milliseconds', (seconds) => `${seconds}000`, 'signature'],
  ])('a time with %s is not that time', async (_how, spell, refusal) => {
    const { link } = await someone()
    const before = await allRows()
    const body = JSON.stringify({ ...link, password: newPassword() }).replace(
      `"timestamp":${link.timestamp}`,
      `"timestamp":${spell(link.timestamp)}`,
    )
    const field = [400, { timestamp: ['A valid integer is required.'] }]
    expect(told(await post(paths.reset, body))).toEqual(refusal === 'field' ? field : invalid)
    expect(await allRows()).toEqual(before)
  })

  test('surrounding white space is trimmed, as the contract has it', async () => {
    const { link } = await someone()
    const padded = {
      user_id: ` ${link.user_id}\n`,
      timestamp: `\t${link.timestamp} `,
      signature: ` ${link.signature} `,
    }
    expect((await post(paths.reset, JSON.stringify({ ...padded, password: newPassword() }))).status).toBe(200)
  })

  const spellings: [string, (id: string) => string][] = [
    ['in capitals', (id) => id.toUpperCase()],
    ['without hyphens', (id) => id.replaceAll('-', '')],
    ['in braces', (id) => `{${id}}`],
    ['as a URN', (id) => `urn:uuid:${id}`],
    ['with a leading zero', (id) => `0${id}`],
    ['with more behind it', (id) => `${id}0`],
    ['with a zero-width space', (id) => `\u200b${id}`],
    ['with SQL', (id) => `${id}' OR '1'='1`],
    ['as a path', (id) => `../${id}`],
    ['of nobody', () => '00000000-0000-4000-8000-000000000000'],
    ['as a number', () => '1'],
    ['very long', (id) => id.padEnd(10_000, '0')],
  ]

  test.each(spellings)('a user id %s is another one', async (_how, spell) => {
    const { person, link } = await someone()
    const before = await allRows()
    const body = { ...link, user_id: spell(person.id), password: newPassword() }
    expect(told(await post(paths.reset, JSON.stringify(body)))).toEqual(invalid)
    // Even where we had signed it ourselves: no account has an id like that.
    const signed = await signedLinks(app).linkOf(person, { userId: spell(person.id) })
    expect(told(await post(paths.reset, JSON.stringify({ ...signed, password: newPassword() })))).toEqual(
      used,
    )
    expect(await allRows()).toEqual(before)
  })

  test('C10: another account’s link is not mine, not even where both have the same password hash', async () => {
    const [mine, other] = [await someone(), await someone()]
    await app.sql.query(
      `UPDATE "users" SET "password" = (SELECT "password" FROM "users" WHERE "id" = $1) WHERE "id" = $2`,
      [mine.person.id, other.person.id],
    )
    const link = await signedLinks(app).linkOf(mine.person)
    const answer = await post(
      paths.reset,
      JSON.stringify({ ...link, user_id: other.person.id, password: newPassword() }),
    )
    expect(told(answer)).toEqual(invalid)
  })

  test('T1, T2: links of another secret, an empty one, another deployment or purpose are refused', async () => {
    const { person } = await someone()
    const { stateOf, now, linkOf } = signedLinks(app)
    const [state, seconds] = [await stateOf(person.id), await now()]
    const by = (secret: string, audience: string, of: SignedState = state) =>
      createLinks({
        secrets: [secret],
        audience,
        period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
        oneTimeUse: true,
      }).create('reset', person.id, seconds, of)
    const forged = [
      by('', app.url),
      by(`${app.secret} `, app.url),
      by('link signature v1: reset', app.url),
      by(state.passwordHash!, app.url),
      by(person.id, app.url),
      by(app.secret, 'https://rekey.example'),
      by(app.secret, `${app.url}/`),
      await linkOf(person, { purpose: 'cancel' }),
      await linkOf(person, { purpose: 'cancel-change' }),
    ]
    const before = await allRows()
    for (const link of forged)
      expect(told(await post(paths.reset, JSON.stringify({ ...link, password: newPassword() })))).toEqual(
        invalid,
      )
    // Ours, of a state that never was: that is told to its holder alone, and just as dead.
    const ofNoState = by(app.secret, app.url, { ...state, passwordHash: null })
    expect(told(await post(paths.reset, JSON.stringify({ ...ofNoState, password: newPassword() })))).toEqual(
      used,
    )
    expect(await allRows()).toEqual(before)
  })
})

describe('C14: long input', () => {
  test('a megabyte is refused unread, declared or in chunks, with a link that would work', async () => {
    const { link } = await someone()
    const before = await allRows()
    const body = JSON.stringify({ ...link, password: 'gravel lantern '.repeat(70_000) })
    const declared = await post(paths.reset, JSON.stringify(link), {
      headers: [json, ['Content-Length', String(body.length)]],
    })
    expect(told(declared)).toEqual([413, { detail: 'Request body too large.' }])
    const chunked = await post(paths.reset, body.slice(0, 200_000), { chunkSize: 16_000 })
    expect(told(chunked)).toEqual([413, { detail: 'Request body too large.' }])
    expect(await allRows()).toEqual(before)
  })

  test('the longest password that fits a body costs less than hashing one, even against long names', async () => {
    const longName = 'ab.cd-ef '.repeat(1_000)
    const person = await app.addPerson({ firstName: longName, lastName: longName.toUpperCase() })
    const password = 'ab.cd-ef '.repeat(1_700)
    const times: Record<'refused' | 'hashed', number[]> = { refused: [], hashed: [] }
    for (let round = 0; round < 7; round += 1) {
      const link = await signedLinks(app).linkOf(person)
      const started = performance.now()
      const refused = await post(paths.reset, JSON.stringify({ ...link, password }))
      const between = performance.now()
      const changed = await post(paths.reset, JSON.stringify({ ...link, password: newPassword() }))
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
  ])('I5, C5: %s is answered as ever, and as quickly', async (_what, body) => {
    const times: Record<'long' | 'short', number[]> = { long: [], short: [] }
    for (let round = 0; round < 5; round += 1) {
      const started = performance.now()
      expect(told(await post(paths.send, JSON.stringify(body)))).toEqual(sent)
      const between = performance.now()
      expect(told(await post(paths.send, '{"login":"nobody"}'))).toEqual(sent)
      times.long.push(between - started)
      times.short.push(performance.now() - between)
    }
    // The quickest of each, with room for what sixteen kilobytes take to send, store and look at once.
    expect(Math.min(...times.long)).toBeLessThan(Math.min(...times.short) * 5 + 50)
  })
})

test('C15: after all this the app is the one that was started, and has had no fault of its own', async () => {
  const { person } = await someone()
  expect(await app.linkFor(person)).toMatchObject({ user_id: person.id })
  const faults = ['request_failed', 'sys_request_failed', 'sys_crash', 'sys_restart']
  expect(logLines().filter(({ event }) => faults.includes(String(event)))).toEqual([])
})

/** Everything that was logged; but for the greeting at the start, whatever is no JSON has been forged. */
function logLines(): { event?: string }[] {
  const lines = app.output().trim().split('\n')
  return lines.filter((line) => !line.startsWith('Rekey is serving')).map((line) => JSON.parse(line))
}

function turnCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
}

/** The last character carries two bits of the signature and four that mean nothing. */
function otherSpareBits(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]
}

function otherBit(signature: string, at: number): string {
  const bytes = Buffer.from(signature, 'base64url')
  bytes[at]! ^= 1
  return bytes.toString('base64url')
}

function exchangeHalves(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url')
  return Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]).toString('base64url')
}

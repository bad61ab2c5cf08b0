import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword, startApp, type Person, type RunningApp } from '../world/running-app'
import { exchange, type Received, type Sent } from './exchange'
import { signedLinks } from './signed-links'

const front = 'https://front.example'
const paths = {
  send: '/api/v1/accounts/send-reset-password-link/',
  reset: '/api/v1/accounts/reset-password/',
}
const both = Object.values(paths)
const limit = 16 * 1024

let app: RunningApp
let person: Person
beforeAll(async () => {
  app = await startApp({ env: { CORS_ALLOWED_ORIGINS: front, DEFAULT_LOCALE: 'de' } })
  person = await app.addPerson()
})
afterAll(() => app?.stop())

const json: [string, string] = ['Content-Type', 'application/json']
const form: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
const sent = { detail: 'Reset link sent if the user exists in database' }
const tooLarge = { detail: 'Request body too large.' }
const required = { login: ['This field is required.'] }

const send = (given: Partial<Sent>) => exchange(app.port, { path: paths.send, ...given })
const sendJson = (value: unknown, headers: [string, string][] = []) =>
  send({ headers: [json, ...headers], body: JSON.stringify(value) })
const known = () => ({ login: person.username })
const told = ({ status, json: body }: Pick<Received, 'status' | 'json'>) => [status, body]

/** How many requests for a link were accepted so far. */
async function asksStored(): Promise<number> {
  const { rows } = await app.sql.query<{ stored: string }>(
    `SELECT count(*) AS "stored" FROM pgboss.job WHERE name = 'send-links'`,
  )
  return Number(rows[0]!.stored)
}

describe('of all that is wrong with a request, the first in order is answered', () => {
  type Flaw = {
    name: string
    status: number
    give(request: Required<Pick<Sent, 'headers' | 'body'>> & Sent): Sent
  }
  const flaws: Flaw[] = [
    {
      name: 'a declared length above the limit',
      status: 413,
      give: (request) => ({ ...request, body: String(request.body).padEnd(limit + 1) }),
    },
    { name: 'another method', status: 405, give: (request) => ({ ...request, method: 'PUT' }) },
    {
      name: 'an Accept without JSON',
      status: 406,
      give: (request) => ({ ...request, headers: [...request.headers, ['Accept', 'application/xml']] }),
    },
    {
      name: 'a foreign origin',
      status: 403,
      give: (request) => ({ ...request, headers: [...request.headers, ['Origin', 'https://evil.example']] }),
    },
    {
      name: 'an unknown media type',
      status: 415,
      give: (request) => ({
        ...request,
        headers: [
          ...request.headers.filter(([name]) => name !== 'Content-Type'),
          ['Content-Type', 'text/plain'],
        ],
      }),
    },
    { name: 'a malformed body', status: 400, give: (request) => ({ ...request, body: '{' }) },
  ]
  const couples = flaws.flatMap((first, at) => flaws.slice(at).map((second) => [first, second] as const))

  test.each(couples.map(([first, second]) => [first.name, second.name, first, second] as const))(
    '%s comes before %s',
    async (_first, _second, first, second) => {
      for (const path of both) {
        const whole = { path, headers: [json], body: '{}' }
        const flawed = second.give(whole) as typeof whole
        const answer = await exchange(app.port, first === second ? flawed : first.give(flawed))
        expect(answer.status).toBe(first.status)
        expect(answer.json).toEqual({ detail: expect.any(String) })
      }
    },
  )

  test('a body that is no object comes before its fields, and all its fields come together, in order', async () => {
    for (const path of both) {
      const list = await exchange(app.port, { path, headers: [json], body: '[]' })
      expect(told(list)).toEqual([
        400,
        { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] },
      ])
      const nothing = await exchange(app.port, { path, headers: [json], body: 'null' })
      expect(told(nothing)).toEqual([400, { non_field_errors: ['No data provided'] }])
    }
    const wrong = await exchange(app.port, {
      path: paths.reset,
      headers: [json],
      body: '{"password":"","signature":null,"timestamp":"x"}',
    })
    expect(wrong.text).toBe(
      '{"user_id":["This field is required."],"timestamp":["A valid integer is required."],' +
        '"signature":["This field may not be null."],"password":["This field may not be blank."]}',
    )
  })

  test('T11: a field comes before the signature, and the signature before the password', async () => {
    const link = await signedLinks(app).linkOf(person)
    const reset = (body: object) => app.post('reset-password', body)
    expect(told(await reset({ ...link, signature: 'x', password: '' }))).toEqual([
      400,
      { password: ['This field may not be blank.'] },
    ])
    expect(told(await reset({ ...link, signature: 'x', password: 'short' }))).toEqual([
      400,
      { detail: 'Invalid signature', code: 'signature-invalid' },
    ])
  })
})

describe('H1: methods', () => {
  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'FOO'])(
    '%s is refused, and the answer says what is allowed',
    async (method) => {
      for (const path of both) {
        const answer = await exchange(app.port, { method, path })
        expect(answer.status).toBe(405)
        expect(answer.headers.allow).toBe('POST, OPTIONS')
        expect(answer.text).toBe(method === 'HEAD' ? '' : `{"detail":"Method \\"${method}\\" not allowed."}`)
      }
    },
  )
})

describe('H2: paths', () => {
  test.each(both)('%s answers directly, with its slash and without', async (path) => {
    for (const spelled of [path, path.slice(0, -1), `${path}?a=b`, `${path.slice(0, -1)}?a=b`]) {
      const posted = await exchange(app.port, { path: spelled, headers: [json], body: '{}' })
      expect(posted.status).toBe(400)
      expect(Object.keys(posted.json as object)).toContain(path === paths.send ? 'login' : 'password')
      expect((await exchange(app.port, { method: 'GET', path: spelled })).status).toBe(405)
      expect((await exchange(app.port, { method: 'OPTIONS', path: spelled })).status).toBe(200)
    }
  })

  test.each([
    '/api/v1//accounts/reset-password/',
    '/API/v1/accounts/reset-password/',
    '/api/v1/accounts/reset-password//',
  ])('R7: %s is another path: there is nothing', async (path) => {
    expect([404, 405]).toContain((await exchange(app.port, { path, headers: [json], body: '{}' })).status)
    expect((await exchange(app.port, { method: 'GET', path })).status).toBe(404)
  })
})

describe('Accept', () => {
  test.each([
    '*/*',
    'application/*',
    'APPLICATION/JSON',
    'application/json; indent=4',
    'application/json;q=0.1',
    'text/html, */*; q=0.1',
    'application/xml, application/json; charset=utf-8; q=0.5',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  ])('%s admits JSON, and gets it', async (accept) => {
    const answer = await sendJson(known(), [['Accept', accept]])
    expect(told(answer)).toEqual([200, sent])
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.text).toBe(JSON.stringify(sent))
  })

  test.each([
    'text/html',
    'application/xml',
    'application/jsonp',
    'application/json;q=0',
    'application/json; q=0',
    '*/*;  q=0',
    '',
  ])('"%s" does not', async (accept) => {
    const answer = await sendJson(known(), [['Accept', accept]])
    expect(told(answer)).toEqual([406, { detail: 'Could not satisfy the request Accept header.' }])
  })

  test('a browser’s form whose browser would rather have JSON gets JSON', async () => {
    for (const accept of [
      'application/json',
      'application/json, text/html;q=0.9',
      'text/html; q=0.5, application/json',
    ]) {
      const answer = await send({ headers: [form, ['Accept', accept]], body: `login=${person.username}` })
      expect(told(answer)).toEqual([200, sent])
    }
  })
})

describe('H8: origins', () => {
  const own = () => new URL(app.url).origin
  const refused = [403, { detail: 'Cross-origin request refused.' }]

  test.each<[string, () => [string, string][]]>([
    ['no browser at all', () => []],
    [
      'its own page',
      () => [
        ['Origin', own()],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    [
      'its own form under no-referrer',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    ['its own page in a browser of old', () => [['Origin', own()]]],
    ['an address typed by hand', () => [['Sec-Fetch-Site', 'none']]],
    [
      'an allowed front end',
      () => [
        ['Origin', front],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
  ])('%s is heard', async (_who, headers) => {
    expect(told(await sendJson(known(), headers()))).toEqual([200, sent])
  })

  test.each<[string, () => [string, string][]]>([
    [
      'a sandboxed frame',
      () => [
        ['Origin', 'null'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
    ['null without more', () => [['Origin', 'null']]],
    ['an empty origin', () => [['Origin', '']]],
    ['another site', () => [['Origin', 'https://evil.example']]],
    ['another site that names no origin', () => [['Sec-Fetch-Site', 'cross-site']]],
    [
      'a neighbour of the same site',
      () => [
        ['Origin', 'https://other.front.example'],
        ['Sec-Fetch-Site', 'same-site'],
      ],
    ],
    ['a longer name', () => [['Origin', `${front}.evil.example`]]],
    ['a name with something in front', () => [['Origin', 'https://evil-front.example']]],
    ['the allowed one over http', () => [['Origin', 'http://front.example']]],
    ['the allowed one on another port', () => [['Origin', `${front}:8443`]]],
    ['the allowed one in capitals', () => [['Origin', 'https://FRONT.example']]],
    ['the allowed one with a path', () => [['Origin', `${front}/`]]],
    ['two origins in one', () => [['Origin', `${front}, https://evil.example`]]],
    ['its own host on another port', () => [['Origin', `${own()}1`]]],
  ])('H9: %s is refused, gets no CORS header, and nothing is stored', async (_who, headers) => {
    const before = await asksStored()
    for (const method of ['POST', 'OPTIONS']) {
      const answer = await send({ method, headers: [json, ...headers()], body: JSON.stringify(known()) })
      expect(told(answer)).toEqual(refused)
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
    }
    expect(await asksStored()).toBe(before)
  })

  test('a form that another site sends is refused, whatever its encoding (C17: and no page comes back)', async () => {
    const foreign: [string, string][] = [
      ['Origin', 'https://evil.example'],
      ['Sec-Fetch-Site', 'cross-site'],
      ['Accept', 'text/html,*/*;q=0.8'],
    ]
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
    ]) {
      const answer = await send({
        headers: [['Content-Type', type], ...foreign],
        body: `login=${person.username}`,
      })
      expect(told(answer)).toEqual(refused)
    }
  })
})

describe('H9: CORS', () => {
  const asking: [string, string][] = [
    ['Origin', front],
    ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'content-type'],
  ]

  test.each(both)(
    'a preflight of an allowed origin for %s is answered, without credentials',
    async (path) => {
      const answer = await exchange(app.port, { method: 'OPTIONS', path, headers: asking })
      expect([answer.status, answer.text]).toEqual([204, ''])
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': front,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type, accept-language, x-csrftoken',
        'access-control-expose-headers': 'Retry-After',
        'cache-control': 'no-store',
      })
      expect(answer.headers.vary).toMatch(/\bOrigin\b/)
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    },
  )

  test.each<[number, string, Partial<Sent>]>([
    [200, 'a proper request', { headers: [json], body: '{"login":"nobody"}' }],
    [400, 'a missing field', { headers: [json], body: '{}' }],
    [400, 'a malformed body', { headers: [json], body: '{' }],
    [405, 'another method', { method: 'DELETE' }],
    [406, 'an Accept without JSON', { headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { headers: [json], body: ' '.repeat(limit + 1) }],
    [413, 'a body too large in chunks', { headers: [json], body: ' '.repeat(limit + 1), chunkSize: 4096 }],
    [415, 'an unknown media type', { headers: [['Content-Type', 'text/plain']], body: 'x' }],
  ])('an allowed origin may read the answer %i to %s', async (status, _what, request) => {
    const answer = await send({ ...request, headers: [...(request.headers ?? []), ['Origin', front]] })
    expect(answer.status).toBe(status)
    expect(answer.headers['access-control-allow-origin']).toBe(front)
    expect(answer.headers['access-control-expose-headers']).toBe('Retry-After')
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test('without an Origin nothing is said about CORS', async () => {
    const answer = await sendJson(known())
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    expect(answer.headers.vary).toMatch(/\bOrigin\b/)
  })
})

describe('OPTIONS', () => {
  const field = (type: string, label: string) => ({ type, required: true, read_only: false, label })
  const common = {
    description: '',
    renders: ['application/json', 'text/html'],
    parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
  }

  test('describes what the endpoints take', async () => {
    const ofSend = await send({ method: 'OPTIONS' })
    expect(told(ofSend)).toEqual([
      200,
      { name: 'Send Reset Password Link', ...common, actions: { POST: { login: field('string', 'Login') } } },
    ])
    const ofReset = await exchange(app.port, { method: 'OPTIONS', path: paths.reset })
    expect(told(ofReset)).toEqual([
      200,
      {
        name: 'Reset Password',
        ...common,
        actions: {
          POST: {
            user_id: field('string', 'User id'),
            timestamp: field('integer', 'Timestamp'),
            signature: field('string', 'Signature'),
            password: field('string', 'Password'),
          },
        },
      },
    ])
    expect(ofReset.headers.allow).toBe('POST, OPTIONS')
  })

  test('T13: changes nothing', async () => {
    const before = await asksStored()
    await send({ method: 'OPTIONS', headers: [json], body: JSON.stringify(known()) })
    expect(await asksStored()).toBe(before)
  })
})

describe('bodies', () => {
  const multipart = (...fields: [string, string][]): Partial<Sent> => ({
    headers: [['Content-Type', 'multipart/form-data; boundary=bound']],
    body: [
      ...fields.map(
        ([name, value]) => `--bound\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      ),
      '--bound--\r\n',
    ].join(''),
  })

  test('JSON, a form and multipart are read alike', async () => {
    const other = await app.addPerson()
    const link = await signedLinks(app).linkOf(other)
    const fields = { ...link, timestamp: String(link.timestamp), password: 'ä+& %41 lantern gravel' }
    const asForm = new URLSearchParams(fields).toString()
    const answers = [
      await exchange(app.port, { path: paths.reset, headers: [form], body: asForm.replace('gravel', 'one') }),
      await exchange(app.port, {
        path: paths.reset,
        ...multipart(...Object.entries({ ...fields, signature: 'x' })),
      }),
      await exchange(app.port, { path: paths.reset, ...multipart(...Object.entries(fields)) }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400])
    expect(answers[2]!.json).toEqual({ detail: 'Invalid signature', code: 'signature-used' })
    expect(await app.passwordIs(other, 'ä+& %41 lantern one')).toBe(true)
  })

  test.each([
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
    'application/json ; x=y',
  ])('%s is JSON', async (type) => {
    const answer = await send({ headers: [['Content-Type', type]], body: JSON.stringify(known()) })
    expect(told(answer)).toEqual([200, sent])
  })

  test.each([
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/problem+json',
    'application/x-www-form-urlencoded-not',
    'application/json, text/plain',
    'multipart/mixed; boundary=bound',
    'application',
    '',
    `text/{plain}'<b>"; x=\\`,
  ])('I3: "%s" is refused and named', async (type) => {
    const answer = await send({ headers: [['Content-Type', type]], body: JSON.stringify(known()) })
    expect(told(answer)).toEqual([415, { detail: `Unsupported media type "${type}" in request.` }])
  })

  test('an empty body is an empty object, whatever its type', async () => {
    for (const type of ['text/plain', 'application/json', 'multipart/form-data', 'image/png; x'])
      expect(told(await send({ headers: [['Content-Type', type]] }))).toEqual([400, required])
    expect(told(await send({}))).toEqual([400, required])
    expect(told(await send({ headers: [json], chunkSize: 1 }))).toEqual([400, required])
  })

  test('I2: of duplicate keys the last wins, in every encoding', async () => {
    const name = person.username
    const requests: Partial<Sent>[] = [
      { headers: [json], body: `{"login":"","login":"${name}"}` },
      { headers: [form], body: `login=&login=${name}` },
      multipart(['login', ''], ['login', name]),
    ]
    for (const request of requests) expect(told(await send(request))).toEqual([200, sent])
    const blank = { login: ['This field may not be blank.'] }
    expect(told(await send({ headers: [json], body: `{"login":"${name}","login":""}` }))).toEqual([
      400,
      blank,
    ])
    expect(told(await send({ headers: [form], body: `login=${name}&login=` }))).toEqual([400, blank])
    expect(told(await send(multipart(['login', name], ['login', ''])))).toEqual([400, blank])
  })

  test('I3: sixteen kibibytes pass, declared or in chunks, and one byte more does not', async () => {
    const largest = JSON.stringify(known()).padEnd(limit)
    for (const chunkSize of [undefined, 1000]) {
      const framing = chunkSize === undefined ? {} : { chunkSize }
      expect(told(await send({ headers: [json], body: largest, ...framing }))).toEqual([200, sent])
      expect(told(await send({ headers: [json], body: `${largest} `, ...framing }))).toEqual([413, tooLarge])
    }
    expect(told(await send({ headers: [json], body: ' '.repeat(100_000), chunkSize: 9000 }))).toEqual([
      413,
      tooLarge,
    ])
  })

  test('I3: a declared ten megabytes are refused before they come', async () => {
    const answer = await send({ headers: [json, ['Content-Length', '10485760']], body: '{' })
    expect(told(answer)).toEqual([413, tooLarge])
  })

  test('I3: a compressed body is refused unread', async () => {
    for (const coding of ['gzip', 'br', 'identity, gzip']) {
      const answer = await send({ headers: [json, ['Content-Encoding', coding]], body: gzipSync('{}') })
      expect(answer.status).toBe(415)
    }
  })

  test.each<[string, string | Buffer]>([
    ['a byte order mark', '\ufeff{}'],
    ['bytes that are not UTF-8', Buffer.from('7b226c6f67696e223a22ff227d', 'hex')],
    ['NaN', '{"login":NaN}'],
    ['Infinity', '{"login":-Infinity}'],
    ['a truncated text', '{"login":"Pa55word-in-here'],
    ['an unknown escape', '{"login":"Pa55word-in-here\\x41"}'],
    ['a second value', '{} "Pa55word-in-here"'],
    ['a comment', '{}// Pa55word-in-here'],
  ])('%s is malformed, and the answer quotes nothing (P11)', async (_what, body) => {
    const answer = await send({ headers: [json], body })
    expect(told(answer)).toEqual([400, { detail: expect.stringMatching(/^JSON parse error - ./) }])
    expect(answer.text).not.toMatch(/Pa55word/)
  })

  test('a form or multipart that is malformed is told alike', async () => {
    const broken = await send({ headers: [form], body: 'login=%ff' })
    expect(told(broken)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
    const unbound = await send({ headers: [['Content-Type', 'multipart/form-data']], body: 'x' })
    expect(told(unbound)).toEqual([400, { detail: expect.stringMatching(/^Multipart form parse error - ./) }])
    const latin = await send({ headers: [['Content-Type', `${form[1]}; charset=latin-1`]], body: 'login=x' })
    expect(told(latin)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
  })
})

describe('languages', () => {
  const inGerman: [string, string][] = [['Accept-Language', 'de-AT,de;q=0.9,en;q=0.5']]

  test('messages follow Accept-Language; fields and codes stay as they are', async () => {
    const answers = [
      await sendJson({}, inGerman),
      await sendJson(known(), inGerman),
      await sendJson({}, [...inGerman, ['Accept', 'image/png']]),
    ]
    expect(answers.map(told)).toEqual([
      [400, { login: ['Dieses Feld ist erforderlich.'] }],
      [200, { detail: expect.not.stringMatching(sent.detail) }],
      [406, { detail: expect.not.stringMatching(/Could not/) }],
    ])
    for (const { headers } of answers) expect(headers['content-language']).toBe('de')
    const link = { user_id: person.id, timestamp: 1, signature: 'x', password: newPassword() }
    const [german, english] = [
      await app.post('reset-password', link, { 'Accept-Language': 'de' }),
      await app.post('reset-password', link),
    ]
    const { detail, code } = german.json as Record<string, string>
    expect(code).toBe('signature-invalid')
    expect(english.json).toEqual({ detail: expect.not.stringMatching(detail!), code })
    expect(Object.keys(german.json as object)[0]).toBe('detail')
  })

  test.each([
    ['nothing is asked for, whatever DEFAULT_LOCALE says', undefined, 'en'],
    ['one is asked for that nobody here speaks', 'eo', 'en'],
    ['German is the second choice after one of those', 'eo, de;q=0.3', 'de'],
    ['English is preferred', 'en-GB, de;q=0.9', 'en'],
    ['the header is malformed', 'de\u00e4;;q=x,,', 'en'],
  ])('where %s, the answer is in the right one', async (_case, accept, language) => {
    const answer = await sendJson({}, accept === undefined ? [] : [['Accept-Language', accept]])
    expect(answer.headers['content-language']).toBe(language)
    expect(answer.json).toEqual(language === 'en' ? required : { login: ['Dieses Feld ist erforderlich.'] })
    expect(answer.headers.vary).toMatch(/\bAccept-Language\b/)
  })
})

describe('what every answer carries', () => {
  const requests: [number, string, Sent][] = [
    [200, 'a proper request', { path: paths.send, headers: [json], body: '{"login":"nobody"}' }],
    [200, 'OPTIONS', { path: paths.reset, method: 'OPTIONS' }],
    [400, 'missing fields', { path: paths.reset, headers: [json], body: '{}' }],
    [403, 'a foreign origin', { path: paths.reset, headers: [json, ['Origin', 'null']], body: '{}' }],
    [404, 'a path of nothing', { path: '/api/v1/accounts/nothing/' }],
    [405, 'GET', { path: paths.reset, method: 'GET' }],
    [405, 'HEAD', { path: paths.reset, method: 'HEAD' }],
    [406, 'an Accept without JSON', { path: paths.reset, headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { path: paths.reset, body: ' '.repeat(limit + 1) }],
    [415, 'a body of no type', { path: paths.reset, body: 'x' }],
  ]

  test.each(requests)(
    'H3, S2: %i to %s is kept by nobody and sets no cookie',
    async (status, _what, request) => {
      const { headers, ...answer } = await exchange(app.port, request)
      expect(answer.status).toBe(status)
      expect(headers['cache-control']).toBe('no-store')
      expect(headers['x-content-type-options']).toBe('nosniff') // H7
      expect(headers).not.toHaveProperty('set-cookie')
      expect(headers).not.toHaveProperty('x-powered-by')
    },
  )

  test('I8: no error shows where it comes from', async () => {
    for (const [, , request] of requests.filter(([status]) => status !== 404)) {
      const { text } = await exchange(app.port, request)
      expect(text).not.toMatch(/node_modules|\.ts\b|\.js\b|at \w+ \(|SELECT|Prisma|next/i)
    }
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import type { Sent } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import {
  both,
  form,
  json,
  limit,
  paths,
  required,
  sent,
  told,
  startEndpoints,
  type StartedEndpoints,
} from '@/e2e/support/started-endpoints'

let endpoints: StartedEndpoints
beforeAll(async () => void (endpoints = await startEndpoints()))
afterAll(() => endpoints?.app.stop())

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
        const answer = await endpoints.send(first === second ? flawed : first.give(flawed))
        expect(answer.status).toBe(first.status)
        expect(answer.json).toEqual({ detail: expect.any(String) })
      }
    },
  )

  test('a body that is no object comes before its fields, and all its fields come together, in order', async () => {
    for (const path of both) {
      const list = await endpoints.send({ path, headers: [json], body: '[]' })
      expect(told(list)).toEqual([
        400,
        { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] },
      ])
      const nothing = await endpoints.send({ path, headers: [json], body: 'null' })
      expect(told(nothing)).toEqual([400, { non_field_errors: ['No data provided'] }])
    }
    const wrong = await endpoints.send({
      path: paths.reset,
      headers: [json],
      body: '{"password":"","signature":null,"timestamp":"x"}',
    })
    expect(wrong.text).toBe(
      '{"user_id":["This field is required."],"timestamp":["A valid integer is required."],' +
        '"signature":["This field may not be null."],"password":["This field may not be blank."]}',
    )
  })

  test('a field comes before the signature, and the signature before the password [T11]', async () => {
    const link = await signedLinks(endpoints.app).linkOf(endpoints.person)
    const reset = (body: object) => endpoints.app.post('reset-password', body)
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

describe('methods [H1]', () => {
  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'FOO'])(
    '%s is refused, and the answer says what is allowed',
    async (method) => {
      for (const path of both) {
        const answer = await endpoints.send({ method, path })
        expect(answer.status).toBe(405)
        expect(answer.headers.allow).toBe('POST, OPTIONS')
        expect(answer.text).toBe(method === 'HEAD' ? '' : `{"detail":"Method \\"${method}\\" not allowed."}`)
      }
    },
  )
})

describe('paths [H2]', () => {
  test.each(both)('%s answers directly, with its slash and without', async (path) => {
    for (const spelled of [path, path.slice(0, -1), `${path}?a=b`, `${path.slice(0, -1)}?a=b`]) {
      const posted = await endpoints.send({ path: spelled, headers: [json], body: '{}' })
      expect(posted.status).toBe(400)
      expect(Object.keys(posted.json as object)).toContain(path === paths.send ? 'login' : 'password')
      expect((await endpoints.send({ method: 'GET', path: spelled })).status).toBe(405)
      expect((await endpoints.send({ method: 'OPTIONS', path: spelled })).status).toBe(200)
    }
  })

  test.each([
    '/api/v1//accounts/reset-password/',
    '/API/v1/accounts/reset-password/',
    '/api/v1/accounts/reset-password//',
  ])('%s is another path: there is nothing [R7]', async (path) => {
    expect([404, 405]).toContain((await endpoints.send({ path, headers: [json], body: '{}' })).status)
    expect((await endpoints.send({ method: 'GET', path })).status).toBe(404)
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
    const answer = await endpoints.sendJson(endpoints.known, [['Accept', accept]])
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
    const answer = await endpoints.sendJson(endpoints.known, [['Accept', accept]])
    expect(told(answer)).toEqual([406, { detail: 'Could not satisfy the request Accept header.' }])
  })

  test('a browser’s form whose browser would rather have JSON gets JSON', async () => {
    for (const accept of [
      'application/json',
      'application/json, text/html;q=0.9',
      'text/html; q=0.5, application/json',
    ]) {
      const answer = await endpoints.send({
        headers: [form, ['Accept', accept]],
        body: `login=${endpoints.person.username}`,
      })
      expect(told(answer)).toEqual([200, sent])
    }
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
    const ofSend = await endpoints.send({ method: 'OPTIONS' })
    expect(told(ofSend)).toEqual([
      200,
      { name: 'Send Reset Password Link', ...common, actions: { POST: { login: field('string', 'Login') } } },
    ])
    const ofReset = await endpoints.send({ method: 'OPTIONS', path: paths.reset })
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

  test('changes nothing [T13]', async () => {
    const before = await endpoints.requestsStored()
    await endpoints.send({ method: 'OPTIONS', headers: [json], body: JSON.stringify(endpoints.known) })
    expect(await endpoints.requestsStored()).toBe(before)
  })
})

describe('languages', () => {
  const inGerman: [string, string][] = [['Accept-Language', 'de-AT,de;q=0.9,en;q=0.5']]

  test('messages follow Accept-Language; fields and codes stay as they are', async () => {
    const answers = [
      await endpoints.sendJson({}, inGerman),
      await endpoints.sendJson(endpoints.known, inGerman),
      await endpoints.sendJson({}, [...inGerman, ['Accept', 'image/png']]),
    ]
    expect(answers.map(told)).toEqual([
      [400, { login: ['Dieses Feld ist erforderlich.'] }],
      [200, { detail: expect.not.stringMatching(sent.detail) }],
      [406, { detail: expect.not.stringMatching(/Could not/) }],
    ])
    for (const { headers } of answers) expect(headers['content-language']).toBe('de')
    const link = { user_id: endpoints.person.id, timestamp: 1, signature: 'x', password: newPassword() }
    const [german, english] = [
      await endpoints.app.post('reset-password', link, { 'Accept-Language': 'de' }),
      await endpoints.app.post('reset-password', link),
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
    const answer = await endpoints.sendJson({}, accept === undefined ? [] : [['Accept-Language', accept]])
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
    '%i to %s is kept by nobody and sets no cookie [H3, S2]',
    async (status, _what, request) => {
      const { headers, ...answer } = await endpoints.send(request)
      expect(answer.status).toBe(status)
      expect(headers['cache-control']).toBe('no-store')
      expect(headers['x-content-type-options']).toBe('nosniff') // H7
      expect(headers).not.toHaveProperty('set-cookie')
      expect(headers).not.toHaveProperty('x-powered-by')
    },
  )

  test('no error shows where it comes from [I8]', async () => {
    for (const [, , request] of requests.filter(([status]) => status !== 404)) {
      const { text } = await endpoints.send(request)
      expect(text).not.toMatch(/node_modules|\.ts\b|\.js\b|at \w+ \(|SELECT|Prisma|next/i)
    }
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPassword } from '@/e2e/support/running-app'
import type { Sent } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'
import {
  bothPaths,
  form,
  json,
  maxBodyBytes,
  required,
  sent,
  statusAndJson,
  startEndpoints,
  type StartedEndpoints,
} from '@/e2e/support/started-endpoints'

let endpoints: StartedEndpoints
beforeAll(async () => void (endpoints = await startEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('requests with several errors', () => {
  type Flaw = {
    name: string
    status: number
    give(request: Required<Pick<Sent, 'headers' | 'body'>> & Sent): Sent
  }
  const flaws: Flaw[] = [
    {
      name: 'a declared length above the limit',
      status: 413,
      give: (request) => ({ ...request, body: String(request.body).padEnd(maxBodyBytes + 1) }),
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
  const pairs = flaws.flatMap((first, at) => flaws.slice(at).map((second) => [first, second] as const))

  test.each(pairs.map(([first, second]) => [first.name, second.name, first, second] as const))(
    'a request with %s and %s gets the error of the first',
    async (_first, _second, first, second) => {
      for (const path of bothPaths) {
        const whole = { path, headers: [json], body: '{}' }
        const flawed = second.give(whole) as typeof whole
        const response = await endpoints.send(first === second ? flawed : first.give(flawed))
        expect(response.status).toBe(first.status)
        expect(response.json).toEqual({ detail: expect.any(String) })
      }
    },
  )

  test('a body that is not an object gets one error, and an object gets the errors of all its fields in order', async () => {
    for (const path of bothPaths) {
      const list = await endpoints.send({ path, headers: [json], body: '[]' })
      expect(statusAndJson(list)).toEqual([
        400,
        { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] },
      ])
      const nothing = await endpoints.send({ path, headers: [json], body: 'null' })
      expect(statusAndJson(nothing)).toEqual([400, { non_field_errors: ['No data provided'] }])
    }
    const wrong = await endpoints.send({
      path: resetPath,
      headers: [json],
      body: '{"password":"","signature":null,"timestamp":"x"}',
    })
    expect(wrong.text).toBe(
      '{"user_id":["This field is required."],"timestamp":["A valid integer is required."],' +
        '"signature":["This field may not be null."],"password":["This field may not be blank."]}',
    )
  })

  test('an error of a field comes before that of the signature, which comes before that of the password [T11]', async () => {
    const link = await signedLinks(endpoints.app).linkOf(endpoints.person)
    const reset = (body: object) => endpoints.app.post('reset-password', body)
    expect(statusAndJson(await reset({ ...link, signature: 'x', password: '' }))).toEqual([
      400,
      { password: ['This field may not be blank.'] },
    ])
    expect(statusAndJson(await reset({ ...link, signature: 'x', password: 'short' }))).toEqual([
      400,
      { detail: 'Invalid signature', code: 'signature-invalid' },
    ])
  })
})

describe('methods [H1]', () => {
  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'FOO'])(
    'a %s request gets 405 and the allowed methods',
    async (method) => {
      for (const path of bothPaths) {
        const response = await endpoints.send({ method, path })
        expect(response.status).toBe(405)
        expect(response.headers.allow).toBe('POST, OPTIONS')
        expect(response.text).toBe(
          method === 'HEAD' ? '' : `{"detail":"Method \\"${method}\\" not allowed."}`,
        )
      }
    },
  )
})

describe('paths [H2]', () => {
  test.each(bothPaths)(
    'the endpoint %s responds without a redirect, with its final slash and without',
    async (path) => {
      for (const spelled of [path, path.slice(0, -1), `${path}?a=b`, `${path.slice(0, -1)}?a=b`]) {
        const posted = await endpoints.send({ path: spelled, headers: [json], body: '{}' })
        expect(posted.status).toBe(400)
        expect(Object.keys(posted.json as object)).toContain(path === requestLinkPath ? 'login' : 'password')
        expect((await endpoints.send({ method: 'GET', path: spelled })).status).toBe(405)
        expect((await endpoints.send({ method: 'OPTIONS', path: spelled })).status).toBe(200)
      }
    },
  )

  test.each([
    '/api/v1//accounts/reset-password/',
    '/API/v1/accounts/reset-password/',
    '/api/v1/accounts/reset-password//',
  ])('the path %s is not an endpoint [R7]', async (path) => {
    expect([404, 405]).toContain((await endpoints.send({ path, headers: [json], body: '{}' })).status)
    expect((await endpoints.send({ method: 'GET', path })).status).toBe(404)
  })
})

describe('the Accept header', () => {
  test.each([
    '*/*',
    'application/*',
    'APPLICATION/JSON',
    'application/json; indent=4',
    'application/json;q=0.1',
    'text/html, */*; q=0.1',
    'application/xml, application/json; charset=utf-8; q=0.5',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  ])('a request that accepts %s gets JSON', async (accept) => {
    const response = await endpoints.sendJson(endpoints.known, [['Accept', accept]])
    expect(statusAndJson(response)).toEqual([200, sent])
    expect(response.headers['content-type']).toBe('application/json')
    expect(response.text).toBe(JSON.stringify(sent))
  })

  test.each([
    'text/html',
    'application/xml',
    'application/jsonp',
    'application/json;q=0',
    'application/json; q=0',
    '*/*;  q=0',
    '',
  ])('a request that accepts "%s" gets 406', async (accept) => {
    const response = await endpoints.sendJson(endpoints.known, [['Accept', accept]])
    expect(statusAndJson(response)).toEqual([406, { detail: 'Could not satisfy the request Accept header.' }])
  })

  test('a form whose Accept header prefers JSON gets JSON', async () => {
    for (const accept of [
      'application/json',
      'application/json, text/html;q=0.9',
      'text/html; q=0.5, application/json',
    ]) {
      const response = await endpoints.send({
        headers: [form, ['Accept', accept]],
        body: `login=${endpoints.person.username}`,
      })
      expect(statusAndJson(response)).toEqual([200, sent])
    }
  })
})

describe('OPTIONS requests', () => {
  const field = (type: string, label: string) => ({ type, required: true, read_only: false, label })
  const common = {
    description: '',
    renders: ['application/json', 'text/html'],
    parses: ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'],
  }

  test('the response to OPTIONS describes the fields of the endpoint', async () => {
    const ofSend = await endpoints.send({ method: 'OPTIONS' })
    expect(statusAndJson(ofSend)).toEqual([
      200,
      { name: 'Send Reset Password Link', ...common, actions: { POST: { login: field('string', 'Login') } } },
    ])
    const ofReset = await endpoints.send({ method: 'OPTIONS', path: resetPath })
    expect(statusAndJson(ofReset)).toEqual([
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

  test('an OPTIONS request stores nothing [T13]', async () => {
    const before = await endpoints.requestsStored()
    await endpoints.send({ method: 'OPTIONS', headers: [json], body: JSON.stringify(endpoints.known) })
    expect(await endpoints.requestsStored()).toBe(before)
  })
})

describe('languages of messages', () => {
  const inGerman: [string, string][] = [['Accept-Language', 'de-AT,de;q=0.9,en;q=0.5']]

  test('messages follow Accept-Language, and fields and codes are the same in all languages', async () => {
    const responses = [
      await endpoints.sendJson({}, inGerman),
      await endpoints.sendJson(endpoints.known, inGerman),
      await endpoints.sendJson({}, [...inGerman, ['Accept', 'image/png']]),
    ]
    expect(responses.map(statusAndJson)).toEqual([
      [400, { login: ['Dieses Feld ist erforderlich.'] }],
      [200, { detail: expect.not.stringMatching(sent.detail) }],
      [406, { detail: expect.not.stringMatching(/Could not/) }],
    ])
    for (const { headers } of responses) expect(headers['content-language']).toBe('de')
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
    ['no language', undefined, 'en'], // whatever DEFAULT_LOCALE is
    ['an unknown language', 'eo', 'en'],
    ['German after an unknown language', 'eo, de;q=0.3', 'de'],
    ['English before German', 'en-GB, de;q=0.9', 'en'],
    ['a malformed Accept-Language header', 'de\u00e4;;q=x,,', 'en'],
  ])('a request with %s gets its response in the language "%s"', async (_case, accept, language) => {
    const response = await endpoints.sendJson({}, accept === undefined ? [] : [['Accept-Language', accept]])
    expect(response.headers['content-language']).toBe(language)
    expect(response.json).toEqual(language === 'en' ? required : { login: ['Dieses Feld ist erforderlich.'] })
    expect(response.headers.vary).toMatch(/\bAccept-Language\b/)
  })
})

describe('headers and bodies of all responses', () => {
  const requests: [number, string, Sent][] = [
    [200, 'a valid request', { path: requestLinkPath, headers: [json], body: '{"login":"nobody"}' }],
    [200, 'OPTIONS', { path: resetPath, method: 'OPTIONS' }],
    [400, 'missing fields', { path: resetPath, headers: [json], body: '{}' }],
    [403, 'a foreign origin', { path: resetPath, headers: [json, ['Origin', 'null']], body: '{}' }],
    [404, 'an unknown path', { path: '/api/v1/accounts/nothing/' }],
    [405, 'GET', { path: resetPath, method: 'GET' }],
    [405, 'HEAD', { path: resetPath, method: 'HEAD' }],
    [406, 'an Accept without JSON', { path: resetPath, headers: [['Accept', 'image/png']] }],
    [413, 'a body too large', { path: resetPath, body: ' '.repeat(maxBodyBytes + 1) }],
    [415, 'a body without a content type', { path: resetPath, body: 'x' }],
  ]

  test.each(requests)(
    'a response %i to %s may not be cached and sets no cookie [H3, S2]',
    async (status, _what, request) => {
      const { headers, ...response } = await endpoints.send(request)
      expect(response.status).toBe(status)
      expect(headers['cache-control']).toBe('no-store')
      expect(headers['x-content-type-options']).toBe('nosniff') // H7
      expect(headers).not.toHaveProperty('set-cookie')
      expect(headers).not.toHaveProperty('x-powered-by')
    },
  )

  test('an error reveals no source code, query or package [I8]', async () => {
    for (const [, , request] of requests.filter(([status]) => status !== 404)) {
      const { text } = await endpoints.send(request)
      expect(text).not.toMatch(/node_modules|\.ts\b|\.js\b|at \w+ \(|SELECT|Prisma|next/i)
    }
  })
})

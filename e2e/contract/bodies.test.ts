import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sent } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import {
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

const tooLarge = { detail: 'Request body too large.' }

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
    const other = await endpoints.app.addPerson()
    const link = await signedLinks(endpoints.app).linkOf(other)
    const fields = { ...link, timestamp: String(link.timestamp), password: 'ä+& %41 lantern gravel' }
    const asForm = new URLSearchParams(fields).toString()
    const answers = [
      await endpoints.send({ path: paths.reset, headers: [form], body: asForm.replace('gravel', 'one') }),
      await endpoints.send({
        path: paths.reset,
        ...multipart(...Object.entries({ ...fields, signature: 'x' })),
      }),
      await endpoints.send({ path: paths.reset, ...multipart(...Object.entries(fields)) }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400])
    expect(answers[2]!.json).toEqual({ detail: 'Invalid signature', code: 'signature-used' })
    expect(await endpoints.app.passwordIs(other, 'ä+& %41 lantern one')).toBe(true)
  })

  test.each([
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
    'application/json ; x=y',
  ])('%s is JSON', async (type) => {
    const answer = await endpoints.send({
      headers: [['Content-Type', type]],
      body: JSON.stringify(endpoints.known),
    })
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
  ])('"%s" is refused and named [I3]', async (type) => {
    const answer = await endpoints.send({
      headers: [['Content-Type', type]],
      body: JSON.stringify(endpoints.known),
    })
    expect(told(answer)).toEqual([415, { detail: `Unsupported media type "${type}" in request.` }])
  })

  test('an empty body is an empty object, whatever its type', async () => {
    for (const type of ['text/plain', 'application/json', 'multipart/form-data', 'image/png; x'])
      expect(told(await endpoints.send({ headers: [['Content-Type', type]] }))).toEqual([400, required])
    expect(told(await endpoints.send({}))).toEqual([400, required])
    expect(told(await endpoints.send({ headers: [json], chunkSize: 1 }))).toEqual([400, required])
  })

  test('of duplicate keys the last wins, in every encoding [I2]', async () => {
    const name = endpoints.person.username
    const requests: Partial<Sent>[] = [
      { headers: [json], body: `{"login":"","login":"${name}"}` },
      { headers: [form], body: `login=&login=${name}` },
      multipart(['login', ''], ['login', name]),
    ]
    for (const request of requests) expect(told(await endpoints.send(request))).toEqual([200, sent])
    const blank = { login: ['This field may not be blank.'] }
    expect(told(await endpoints.send({ headers: [json], body: `{"login":"${name}","login":""}` }))).toEqual([
      400,
      blank,
    ])
    expect(told(await endpoints.send({ headers: [form], body: `login=${name}&login=` }))).toEqual([
      400,
      blank,
    ])
    expect(told(await endpoints.send(multipart(['login', name], ['login', ''])))).toEqual([400, blank])
  })

  test('sixteen kibibytes pass, declared or in chunks, and one byte more does not [I3]', async () => {
    const largest = JSON.stringify(endpoints.known).padEnd(limit)
    for (const chunkSize of [undefined, 1000]) {
      const framing = chunkSize === undefined ? {} : { chunkSize }
      expect(told(await endpoints.send({ headers: [json], body: largest, ...framing }))).toEqual([200, sent])
      expect(told(await endpoints.send({ headers: [json], body: `${largest} `, ...framing }))).toEqual([
        413,
        tooLarge,
      ])
    }
    expect(
      told(await endpoints.send({ headers: [json], body: ' '.repeat(100_000), chunkSize: 9000 })),
    ).toEqual([413, tooLarge])
  })

  test('a declared ten megabytes are refused before they come [I3]', async () => {
    const answer = await endpoints.send({ headers: [json, ['Content-Length', '10485760']], body: '{' })
    expect(told(answer)).toEqual([413, tooLarge])
  })

  test('a compressed body is refused unread [I3]', async () => {
    for (const coding of ['gzip', 'br', 'identity, gzip']) {
      const answer = await endpoints.send({
        headers: [json, ['Content-Encoding', coding]],
        body: gzipSync('{}'),
      })
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
  ])('%s is malformed, and the answer quotes nothing [P11]', async (_what, body) => {
    const answer = await endpoints.send({ headers: [json], body })
    expect(told(answer)).toEqual([400, { detail: expect.stringMatching(/^JSON parse error - ./) }])
    expect(answer.text).not.toMatch(/Pa55word/)
  })

  test('a form or multipart that is malformed is told alike', async () => {
    const broken = await endpoints.send({ headers: [form], body: 'login=%ff' })
    expect(told(broken)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
    const unbound = await endpoints.send({ headers: [['Content-Type', 'multipart/form-data']], body: 'x' })
    expect(told(unbound)).toEqual([400, { detail: expect.stringMatching(/^Multipart form parse error - ./) }])
    const latin = await endpoints.send({
      headers: [['Content-Type', `${form[1]}; charset=latin-1`]],
      body: 'login=x',
    })
    expect(told(latin)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
  })
})

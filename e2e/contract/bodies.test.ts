import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sent } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { resetPath } from '@/e2e/support/endpoint-paths'
import {
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

const tooLarge = { detail: 'Request body too large.' }

describe('bodies of requests', () => {
  const multipart = (...fields: [string, string][]): Partial<Sent> => ({
    headers: [['Content-Type', 'multipart/form-data; boundary=bound']],
    body: [
      ...fields.map(
        ([name, value]) => `--bound\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      ),
      '--bound--\r\n',
    ].join(''),
  })

  test('a reset as a form or as multipart works as in JSON', async () => {
    const other = await endpoints.app.addPerson()
    const link = await signedLinks(endpoints.app).linkOf(other)
    const fields = { ...link, timestamp: String(link.timestamp), password: 'ä+& %41 lantern gravel' }
    const asForm = new URLSearchParams(fields).toString()
    const responses = [
      await endpoints.send({ path: resetPath, headers: [form], body: asForm.replace('gravel', 'one') }),
      await endpoints.send({
        path: resetPath,
        ...multipart(...Object.entries({ ...fields, signature: 'x' })),
      }),
      await endpoints.send({ path: resetPath, ...multipart(...Object.entries(fields)) }),
    ]
    expect(responses.map(({ status }) => status)).toEqual([200, 400, 400])
    expect(responses[2]!.json).toEqual({ detail: 'Invalid signature', code: 'signature-used' })
    expect(await endpoints.app.passwordIs(other, 'ä+& %41 lantern one')).toBe(true)
  })

  test.each([
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
    'application/json ; x=y',
  ])('a JSON body with the content type %s is accepted', async (type) => {
    const response = await endpoints.send({
      headers: [['Content-Type', type]],
      body: JSON.stringify(endpoints.known),
    })
    expect(statusAndJson(response)).toEqual([200, sent])
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
  ])('a body with the content type "%s" gets a 415 that names the type [I3]', async (type) => {
    const response = await endpoints.send({
      headers: [['Content-Type', type]],
      body: JSON.stringify(endpoints.known),
    })
    expect(statusAndJson(response)).toEqual([415, { detail: `Unsupported media type "${type}" in request.` }])
  })

  test('an empty body counts as an empty object, whatever its content type', async () => {
    for (const type of ['text/plain', 'application/json', 'multipart/form-data', 'image/png; x'])
      expect(statusAndJson(await endpoints.send({ headers: [['Content-Type', type]] }))).toEqual([
        400,
        required,
      ])
    expect(statusAndJson(await endpoints.send({}))).toEqual([400, required])
    expect(statusAndJson(await endpoints.send({ headers: [json], chunkSize: 1 }))).toEqual([400, required])
  })

  test('the last of two values for one field counts, in every encoding [I2]', async () => {
    const name = endpoints.person.username
    const requests: Partial<Sent>[] = [
      { headers: [json], body: `{"login":"","login":"${name}"}` },
      { headers: [form], body: `login=&login=${name}` },
      multipart(['login', ''], ['login', name]),
    ]
    for (const request of requests) expect(statusAndJson(await endpoints.send(request))).toEqual([200, sent])
    const blank = { login: ['This field may not be blank.'] }
    expect(
      statusAndJson(await endpoints.send({ headers: [json], body: `{"login":"${name}","login":""}` })),
    ).toEqual([400, blank])
    expect(statusAndJson(await endpoints.send({ headers: [form], body: `login=${name}&login=` }))).toEqual([
      400,
      blank,
    ])
    expect(statusAndJson(await endpoints.send(multipart(['login', name], ['login', ''])))).toEqual([
      400,
      blank,
    ])
  })

  test('a body of 16 KiB is accepted and one byte more gets 413, whether its length is declared or it is sent in chunks [I3]', async () => {
    const largest = JSON.stringify(endpoints.known).padEnd(maxBodyBytes)
    for (const chunkSize of [undefined, 1000]) {
      const framing = chunkSize === undefined ? {} : { chunkSize }
      expect(statusAndJson(await endpoints.send({ headers: [json], body: largest, ...framing }))).toEqual([
        200,
        sent,
      ])
      expect(
        statusAndJson(await endpoints.send({ headers: [json], body: `${largest} `, ...framing })),
      ).toEqual([413, tooLarge])
    }
    expect(
      statusAndJson(await endpoints.send({ headers: [json], body: ' '.repeat(100_000), chunkSize: 9000 })),
    ).toEqual([413, tooLarge])
  })

  test('a request that declares ten megabytes gets 413 before it sends them [I3]', async () => {
    const response = await endpoints.send({ headers: [json, ['Content-Length', '10485760']], body: '{' })
    expect(statusAndJson(response)).toEqual([413, tooLarge])
  })

  test.each<[string, string | Buffer]>([
    ['a byte order mark', '\ufeff{}'],
    ['bytes that are not UTF-8', Buffer.from('7b226c6f67696e223a22ff227d', 'hex')],
    ['NaN', '{"login":NaN}'],
    ['Infinity', '{"login":-Infinity}'],
    ['an unfinished string', '{"login":"Pa55word-in-here'],
    ['an unknown escape', '{"login":"Pa55word-in-here\\x41"}'],
    ['a second value', '{} "Pa55word-in-here"'],
    ['a comment', '{}// Pa55word-in-here'],
  ])('a JSON body with %s gets an error that does not quote it [P11]', async (_what, body) => {
    const response = await endpoints.send({ headers: [json], body })
    expect(statusAndJson(response)).toEqual([400, { detail: expect.stringMatching(/^JSON parse error - ./) }])
    expect(response.text).not.toMatch(/Pa55word/)
  })

  test('a malformed form or multipart body gets an error that names its kind', async () => {
    const broken = await endpoints.send({ headers: [form], body: 'login=%ff' })
    expect(statusAndJson(broken)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
    const unbound = await endpoints.send({ headers: [['Content-Type', 'multipart/form-data']], body: 'x' })
    expect(statusAndJson(unbound)).toEqual([
      400,
      { detail: expect.stringMatching(/^Multipart form parse error - ./) },
    ])
    const latin = await endpoints.send({
      headers: [['Content-Type', `${form[1]}; charset=latin-1`]],
      body: 'login=x',
    })
    expect(statusAndJson(latin)).toEqual([400, { detail: expect.stringMatching(/^Form parse error - ./) }])
  })
})

import { Agent, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sendBytes } from '@/e2e/support/raw-http'
import { signedLinks } from '@/e2e/support/signed-links'
import { isLong } from '@/e2e/support/long-form'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { requestLinkPath } from '@/e2e/support/endpoint-paths'
import { randomRequests, type RandomRequest } from '@/e2e/support/random-requests'

const long = isLong ? 50 : 1

let app: RunningApp
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
beforeAll(async () => void (app = await startApp()))
afterAll(async () => {
  agent.destroy()
  await app?.stop()
})

function send({ method, path, headers, body }: RandomRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const framing: [string, string][] = body.length > 0 ? [['Content-Length', String(body.length)]] : []
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: app.port,
        method,
        path,
        agent,
        headers: [['Host', 'localhost'], ...framing, ...headers].flat() as unknown as Record<string, string>,
      },
      (incoming) => {
        incoming.resume()
        incoming.on('error', reject)
        incoming.on('end', () => resolve(incoming.statusCode!))
      },
    )
    outgoing.setTimeout(20_000, () =>
      outgoing.destroy(new Error(`No response to ${method} ${path} within 20 s.`)),
    )
    // The server may close an idle connection just when it is used again; the request is then sent on another one.
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      outgoing.reusedSocket && error.code === 'ECONNRESET'
        ? resolve(send({ method, path, headers: [...headers, ['Connection', 'close']], body }))
        : reject(error),
    )
    outgoing.end(body)
  })
}

let logged = 0
beforeEach(() => {
  logged = app.output().length
})

function faults(): string[] {
  return app
    .output()
    .slice(logged)
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"|sys_crash|sys_restart|sys_killed/.test(line))
}

describe('random and malformed requests [C15, CVE-2022-31093, CVE-2026-73418]', () => {
  test(
    'hundreds of random requests all get a response, none of them a server error, and no process crashes [C15]',
    async () => {
      const person = await app.addPerson({ firstName: 'Grace', lastName: 'Hopper' })
      const { linkOf } = signedLinks(app)
      const random = randomRequests([
        await linkOf(person),
        await linkOf(person, { age: 7200 }),
        await linkOf(person, { purpose: 'cancel' }),
        await linkOf(person, { purpose: 'cancel-change' }),
      ])
      const seen: Record<number, number> = {}
      await fc.assert(
        fc.asyncProperty(fc.array(random, { minLength: 8, maxLength: 32, size: 'max' }), async (requests) => {
          const statuses = await Promise.all(requests.map(send))
          for (const status of statuses) seen[status] = (seen[status] ?? 0) + 1
          expect(statuses.filter((status) => status >= 500)).toEqual([])
        }),
        { numRuns: 100 * long, interruptAfterTimeLimit: 45_000 * long, endOnFailure: false },
      )
      const sent = Object.values(seen).reduce((sum, count) => sum + count, 0)
      expect(sent).toBeGreaterThan(500 * long)
      // The requests must be varied.
      for (const status of [200, 303, 400, 404, 405]) expect(seen[status] ?? 0).toBeGreaterThan(0)
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test.each([
    ['a callback that is not a URL (CVE-2022-31093)', `${requestLinkPath}?callbackUrl=%`],
    ['an incomplete escape', '/reset-password/?signature=%E0%A4%A'],
    ['an escape of half a character', '/reset-password/?user_id=%ff%fe&timestamp=1&signature=%c3'],
    [
      'the names of properties that every object has',
      '/reset-password/?__proto__=1&constructor=2&toString=3&then=4',
    ],
    [
      'error codes named like properties that every object has',
      '/forgot-password/?error=constructor,__proto__,toString,login.constructor,hasOwnProperty.required',
    ],
    ['brackets', '/reset-password/?signature[]=a&user_id[a][b]=c&timestamp[]=1'],
    [
      'a parameter twice',
      '/reset-password/?signature=a&signature=b&user_id=c&user_id=d&timestamp=1&timestamp=2',
    ],
    ['an immense timestamp', '/reset-password/?user_id=a&timestamp=9007199254740991&signature=b'],
    ['a timestamp that is not a number', '/cancel-reset/?user_id=a&timestamp=NaN&signature=b'],
  ])('a request with %s in its address causes no server error [C15]', async (_what, target) => {
    const status = await send({ method: 'GET', path: target, headers: [], body: Buffer.alloc(0) })
    expect([200, 405]).toContain(status)
    expect(faults()).toEqual([])
  })

  test.each([
    ['Cookie', '%; =; a; __proto__=b; a=%E0%A4%A'],
    ['Accept-Language', 'xx-XX-x;q=2, *;q=-1, __proto__, constructor, toString'],
    ['Accept-Language', 'a'.repeat(9) + '-' + 'b'.repeat(9)],
    ['Accept', ';q=1,/,*/,application/'],
    ['Authorization', 'Basic %%%'],
    ['Origin', 'http://[::1'],
    ['Content-Type', 'multipart/form-data; boundary="\\'],
    ['If-Modified-Since', 'yesterday'],
    ['Range', 'bytes=-1,9-1'],
  ])(
    'the malformed header "%s: %s" causes no server error on any route [C15, CVE-2026-73418]',
    async (name, line) => {
      for (const path of [
        '/',
        '/forgot-password/',
        '/reset-password/',
        '/nowhere',
        '/icon.svg',
        requestLinkPath,
      ]) {
        const post = path === requestLinkPath
        const status = await send({
          method: post ? 'POST' : 'GET',
          path,
          headers: [[name, line]],
          body: Buffer.from(post ? '{"login":"nobody"}' : ''),
        })
        expect([path, status < 500]).toEqual([path, true])
      }
      expect(faults()).toEqual([])
    },
  )

  test(
    'damaged bytes of a request get a client error or no response, and cause no server error [C15]',
    async () => {
      const body = '{"login":"nobody"}'
      const wellFormed = Buffer.from(
        `POST ${requestLinkPath}?a=b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      const mutated = fc
        .array(fc.tuple(fc.nat(wellFormed.length - 1), fc.nat(255), fc.nat(3)), {
          minLength: 1,
          maxLength: 5,
        })
        .map((changes) => {
          const bytes = [...wellFormed]
          for (const [at, byte, how] of changes) bytes.splice(at, how === 0 ? 1 : how - 1, byte)
          return Buffer.from(bytes)
        })
      await fc.assert(
        fc.asyncProperty(fc.array(mutated, { minLength: 40, maxLength: 40 }), async (requests) => {
          const responses = await Promise.all(
            requests.map((bytes) =>
              sendBytes(app.port, bytes, { until: /^HTTP\/1\.1 (?!100)\d{3}/m, timeout: 250 }),
            ),
          )
          const errors = responses.filter(({ text }) => text !== '' && !/^HTTP\/1\.1 [1-4]\d\d /.test(text))
          expect(errors).toEqual([])
        }),
        { numRuns: 8 * long, endOnFailure: true },
      )
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test('a person can still reset a password after all these requests [C15]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
  })
})

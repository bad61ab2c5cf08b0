import { Agent, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { talk } from '@/e2e/support/raw-http'
import { signedLinks } from '@/e2e/support/signed-links'
import { isLong } from '@/e2e/support/long-form'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { ask, madeUpRequests, type MadeUp } from '@/e2e/support/random-requests'

// Whatever comes in, every request is answered, and none of the answers is an error of ours.

/** The nightly run sends fifty times as much. */
const long = isLong ? 50 : 1

let app: RunningApp
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
beforeAll(async () => void (app = await startApp()))
afterAll(async () => {
  agent.destroy()
  await app?.stop()
})

/** Sends a request and reads the whole answer. */
function send({ method, path, headers, body }: MadeUp): Promise<number> {
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
      outgoing.destroy(new Error(`No answer to ${method} ${path} within 20 s.`)),
    )
    // A connection that was kept and closed in the same moment says nothing about the request.
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

/** What in the log of this test would say that something of ours went wrong. */
function faults(): string[] {
  return app
    .output()
    .slice(logged)
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"|sys_crash|sys_restart|sys_killed/.test(line))
}

describe('requests that nobody would think of [C15, CVE-2022-31093, CVE-2026-73418]', () => {
  test(
    'of two thousand, all are answered, none with an error of ours, and the processes live on [C15]',
    async () => {
      const person = await app.addPerson({ firstName: 'Grace', lastName: 'Hopper' })
      const { linkOf } = signedLinks(app)
      const madeUp = madeUpRequests([
        await linkOf(person),
        await linkOf(person, { age: 7200 }),
        await linkOf(person, { purpose: 'cancel' }),
        await linkOf(person, { purpose: 'cancel-change' }),
      ])
      const seen: Record<number, number> = {}
      await fc.assert(
        fc.asyncProperty(fc.array(madeUp, { minLength: 8, maxLength: 32, size: 'max' }), async (requests) => {
          const statuses = await Promise.all(requests.map(send))
          for (const status of statuses) seen[status] = (seen[status] ?? 0) + 1
          expect(statuses.filter((status) => status >= 500)).toEqual([])
        }),
        { numRuns: 100 * long, interruptAfterTimeLimit: 45_000 * long, endOnFailure: false },
      )
      const sent = Object.values(seen).reduce((sum, count) => sum + count, 0)
      expect(sent).toBeGreaterThan(500 * long)
      // They are no mere noise: they get as far as a success, a form's page and a refused link.
      for (const status of [200, 303, 400, 404, 405]) expect(seen[status] ?? 0).toBeGreaterThan(0)
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test.each([
    ['a callback that is no URL (CVE-2022-31093)', `${ask}?callbackUrl=%`],
    ['an escape that is none', '/reset-password/?signature=%E0%A4%A'],
    ['an escape of half a character', '/reset-password/?user_id=%ff%fe&timestamp=1&signature=%c3'],
    ['a name that every object has', '/reset-password/?__proto__=1&constructor=2&toString=3&then=4'],
    [
      'an error that every object has',
      '/forgot-password/?error=constructor,__proto__,toString,login.constructor,hasOwnProperty.required',
    ],
    ['brackets', '/reset-password/?signature[]=a&user_id[a][b]=c&timestamp[]=1'],
    [
      'a parameter twice',
      '/reset-password/?signature=a&signature=b&user_id=c&user_id=d&timestamp=1&timestamp=2',
    ],
    ['an immense time', '/reset-password/?user_id=a&timestamp=9007199254740991&signature=b'],
    ['a time that is none', '/cancel-reset/?user_id=a&timestamp=NaN&signature=b'],
  ])('%s [C15]', async (_what, target) => {
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
  ])('a header %s: %s [C15, CVE-2026-73418]', async (name, line) => {
    for (const path of ['/', '/forgot-password/', '/reset-password/', '/nowhere', '/icon.svg', ask]) {
      const post = path === ask
      const status = await send({
        method: post ? 'POST' : 'GET',
        path,
        headers: [[name, line]],
        body: Buffer.from(post ? '{"login":"nobody"}' : ''),
      })
      expect([path, status < 500]).toEqual([path, true])
    }
    expect(faults()).toEqual([])
  })

  test(
    'bytes that are hardly a request are answered or cut off, and nobody else notices [C15]',
    async () => {
      const body = '{"login":"nobody"}'
      const proper = Buffer.from(
        `POST ${ask}?a=b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      const mutated = fc
        .array(fc.tuple(fc.nat(proper.length - 1), fc.nat(255), fc.nat(3)), { minLength: 1, maxLength: 5 })
        .map((changes) => {
          const bytes = [...proper]
          for (const [at, byte, how] of changes) bytes.splice(at, how === 0 ? 1 : how - 1, byte)
          return Buffer.from(bytes)
        })
      await fc.assert(
        fc.asyncProperty(fc.array(mutated, { minLength: 40, maxLength: 40 }), async (requests) => {
          const answers = await Promise.all(
            requests.map((bytes) =>
              talk(app.port, bytes, { until: /^HTTP\/1\.1 (?!100)\d{3}/m, patience: 250 }),
            ),
          )
          const bad = answers.filter(
            ({ text: answer }) => answer !== '' && !/^HTTP\/1\.1 [1-4]\d\d /.test(answer),
          )
          expect(bad).toEqual([])
        }),
        { numRuns: 8 * long, endOnFailure: true },
      )
      expect(faults()).toEqual([])
    },
    60_000 * long,
  )

  test('after all this a person resets a password as ever [C15]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks(app).linkOf(person)
    const password = newPassword()
    expect((await app.post('reset-password', { ...link, password })).status).toBe(200)
    expect(await app.passwordIs(person, password)).toBe(true)
  })
})

import { verify } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendBytes } from '@/e2e/support/raw-http'
import { exchange, type Sent } from '@/e2e/support/exchange'
import { settled } from '@/e2e/support/settled-jobs'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'
import { cpuOf, resetPeak, hasProcFiles, peakOf, processesOf } from '@/e2e/support/process-resources'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

// Costs are processor time and memory, which depend little on other work on the machine.

let app: RunningApp
let processes: { web: number; worker: number }
beforeAll(async () => {
  app = await startApp()
  if (!hasProcFiles) return
  processes = processesOf(app)
  // The first resets cost more, because parts are made on first use.
  for (let n = 0; n < 3; n += 1) await resetOf(await app.addPerson())
})
afterAll(() => app?.stop())

async function cpuTimeOf(act: () => Promise<unknown>): Promise<number> {
  const total = () => cpuOf(processes.web) + cpuOf(processes.worker)
  const before = total()
  await act()
  return total() - before
}

async function resetOf(person: Person): Promise<void> {
  const link = await signedLinks(app).linkOf(person)
  const response = await app.post('reset-password', { ...link, password: newPassword() })
  expect([response.status, response.json]).toEqual([200, { detail: 'Reset password successful' }])
}

describe.runIf(hasProcFiles)(
  'stored hashes of another cost [C13, CVE-2016-2513, CVE-2026-26185, GHSA-jr94-gj3h-c8rf]',
  () => {
    const salt = 'c29tZXNhbHRzb21lc2FsdA'
    const digest = 'RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60'
    /** One check against this hash takes half a gigabyte, and more than half a second. */
    const expensive = `$argon2id$v=19$m=524288,t=6,p=1$${salt}$${digest}`
    const others = [
      `$argon2id$v=19$m=8,t=1,p=1$${salt}$${digest}`,
      `$argon2i$v=19$m=65536,t=3,p=1$${salt}$${digest}`,
      'pbkdf2_sha256$30000$Vr1PzJiK6Nd8$l2wT4rXvJ0qk0m1C3F4o5p6q7r8s9t0u1v2w3x4y5z0=',
      '$2b$16$abcdefghijklmnopqrstuuO2kq6y3S3RzJ0K8rE7xY1w1E3gW1cQe',
      'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99',
    ]

    async function personWith(hash: string): Promise<Person> {
      const person = await app.addPerson()
      await app.sql.query('UPDATE "rekey"."users" SET "password" = $1 WHERE "id" = $2', [hash, person.id])
      return person
    }

    async function visitAndReset(person: Person): Promise<void> {
      for (const login of [person.username, person.email]) {
        expect((await app.post('send-reset-password-link', { login })).status).toBe(200)
      }
      const link = await signedLinks(app).linkOf(person)
      const page = await exchange(app.port, {
        method: 'GET',
        path: `/reset-password/?${new URLSearchParams({ ...link, timestamp: String(link.timestamp) })}`,
      })
      expect(page.text).toContain(person.username)
      const forged = { ...link, signature: 'x'.repeat(86), password: newPassword() }
      expect((await app.post('reset-password', forged)).status).toBe(400)
      expect((await app.post('reset-password', { ...link, password: 'short' })).status).toBe(400)
      expect((await app.post('send-reset-password-link', link)).status).toBe(200)
      await resetOf(person)
      await settled(app)
    }

    test('a reset never checks a password against the stored hash, so an expensive hash slows nothing [C13, CVE-2016-2513]', async () => {
      const before = process.cpuUsage()
      expect(await verify(expensive, newPassword())).toBe(false)
      const { user, system } = process.cpuUsage(before)
      const oneCheck = (user + system) / 1000
      expect(oneCheck).toBeGreaterThan(500) // A cheaper check would not stand out from the cost of a visit.

      const ordinary = await app.addPerson()
      const ordinaryCost = await cpuTimeOf(() => visitAndReset(ordinary))
      const owner = await personWith(expensive)
      for (const pid of Object.values(processes)) resetPeak(pid)
      const [web, worker] = [peakOf(processes.web), peakOf(processes.worker)]
      const cost = await cpuTimeOf(() => visitAndReset(owner))
      expect(cost).toBeLessThan(ordinaryCost + oneCheck / 3)
      expect(peakOf(processes.web) - web).toBeLessThan(256 * 1024 * 1024)
      expect(peakOf(processes.worker) - worker).toBeLessThan(256 * 1024 * 1024)
    })

    test('a reset stores a hash of today’s cost, whatever the old hash cost [C13, P9]', async () => {
      for (const hash of [expensive, ...others]) {
        const person = await personWith(hash)
        await resetOf(person)
        const { rows } = await app.sql.query<{ password: string }>(
          'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
          [person.id],
        )
        expect(rows[0]!.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      }
    })
  },
)

describe.runIf(hasProcFiles)('long input [C14, CVE-2013-1443, CVE-2021-45115]', () => {
  const json: [string, string] = ['Content-Type', 'application/json']
  const form: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
  const multipart: [string, string] = ['Content-Type', 'multipart/form-data; boundary=x']
  const path = resetPath
  const largest = 16 * 1024
  const rounds = 6

  /** The processor time of an ordinary reset in milliseconds; most of it is the hash. */
  let oneReset: number
  let person: Person
  beforeAll(async () => {
    // Names that are expensive for the check of similarity: very long, or with very many words.
    person = await app.addPerson({
      firstName: 'ab.cd-ef '.repeat(1_700),
      lastName: 'x '.repeat(7_500),
      username: `${'word '.repeat(400)}${process.pid}`,
    })
    const people = await Promise.all(Array.from({ length: rounds }, () => app.addPerson()))
    await settled(app)
    oneReset =
      (await cpuTimeOf(async () => {
        for (const one of people) await resetOf(one)
      })) / rounds
    await settled(app)
  })

  /** The cost as a part of an ordinary reset. One more try is allowed, because the first use of code is slow. */
  async function costOf(sent: Sent | (() => Sent), statuses: number[]): Promise<number> {
    const once = async () => {
      const cost = await cpuTimeOf(async () => {
        for (let round = 0; round < rounds; round += 1) {
          const { status } = await exchange(app.port, typeof sent === 'function' ? sent() : sent)
          expect(statuses).toContain(status)
        }
      })
      return cost / rounds / oneReset
    }
    const cost = await once()
    return cost < 1 ? cost : once()
  }

  test.each([
    ['with its length declared', undefined],
    ['in chunks', 16_000],
  ])(
    'a password of a megabyte with a valid link, sent %s, gets 413 and is not hashed [C14, CVE-2013-1443]',
    async (_how, chunkSize) => {
      const link = await signedLinks(app).linkOf(person)
      const body = JSON.stringify({ ...link, password: 'gravel lantern '.repeat(70_000) })
      expect(
        await costOf({ path, headers: [json], body, ...(chunkSize && { chunkSize }) }, [413]),
      ).toBeLessThan(1)
      const { rows } = await app.sql.query(
        'SELECT "password_changed_at" AS "at" FROM "rekey"."users" WHERE "id" = $1',
        [person.id],
      )
      expect(rows).toEqual([{ at: null }])
    },
  )

  const passwords: [string, string][] = [
    ['one letter', 'a'],
    ['the letters of the names', 'ab.cd-ef '],
    ['the words of the names', 'x '],
    ['digits', '1'],
    ['digits of other scripts', '\u0663'],
    ['white space', ' '],
    ['escaped white space', '\\u2003'],
    ['escaped letters', '\\u0041'],
    ['capitals that get longer in lower case', '\u0130'],
    ['small letters that get longer in upper case', '\ufb03'],
    ['characters that are normalised to many', '\ufdfa'],
    ['combining marks', '\u0301'],
    ['emoji of several parts', '👩‍👩‍👧‍👧'],
    ['escaped emoji', '\\ud83d\\ude00'],
    ['backslashes', '\\\\'],
  ]
  test.each(passwords)(
    'a password of %s that fills the largest body is rejected and costs less than one reset [C14, CVE-2021-45115]',
    async (_what, piece) => {
      const link = await signedLinks(app).linkOf(person)
      const start = `${JSON.stringify(link).slice(0, -1)},"password":"`
      const times = Math.floor((largest - start.length - 2) / Buffer.byteLength(piece))
      const body = `${start}${piece.repeat(times)}"}`
      const response = await exchange(app.port, { path, headers: [json], body })
      expect([response.status, response.json]).toEqual([
        400,
        {
          password: expect.arrayContaining([
            'This password is too long. It must contain at most 256 characters.',
          ]),
        },
      ])
      expect(await costOf({ path, headers: [json], body }, [400])).toBeLessThan(1)
    },
  )

  const fill = (start: string, piece: string, end = '') =>
    start + piece.repeat(Math.floor((largest - start.length - end.length) / Buffer.byteLength(piece))) + end
  const bodies: [string, [string, string], string][] = [
    ['lists within lists', json, fill('{"login":', '[')],
    ['objects within objects', json, fill('', '{"login":')],
    ['one number', json, fill('{"login":', '9', '}')],
    ['one number as a timestamp', json, fill('{"timestamp":', '9', '}')],
    ['one fraction', json, fill('{"login":0.', '9', '}')],
    ['one exponent', json, fill('{"login":1e', '9', '}')],
    ['a string without an end', json, fill('{"login":"', 'a')],
    ['backslashes without an end', json, fill('{"login":"', '\\\\')],
    ['white space', json, fill('', ' ')],
    ['many keys', json, `{${Array.from({ length: 1_300 }, (_, n) => `"k${n}":0`).join(',')}}`],
    ['one key many times', json, fill('{', '"login":"a",', '"login":""}')],
    ['ampersands', form, fill('', '&')],
    ['equals signs', form, fill('', '=')],
    ['plus signs', form, fill('login=', '+')],
    ['percent signs', form, fill('login=', '%')],
    ['percent escapes', form, fill('login=', '%f0%9f%98%80')],
    ['many fields', form, Array.from({ length: 2_000 }, (_, n) => `k${n}=`).join('&')],
    ['boundaries', multipart, fill('', '--x')],
    ['boundaries with line ends', multipart, fill('', '--x\r\n\r\n\r\n')],
    ['headers of a part', multipart, fill('--x\r\n', 'a:b\r\n', '\r\n--x--\r\n')],
    [
      'semicolons in a disposition',
      multipart,
      fill('--x\r\nContent-Disposition: form-data', ';', '\r\n\r\n--x--'),
    ],
    [
      'spaces in a disposition',
      multipart,
      fill('--x\r\nContent-Disposition: form-data; a', ' ', '\r\n\r\n--x--'),
    ],
    [
      'quotes in a disposition',
      multipart,
      fill('--x\r\nContent-Disposition: form-data', ';a="\\', '\r\n\r\n--x--'),
    ],
  ]
  test.each(bodies)(
    'the largest body, filled with %s, costs less than one reset [C14, I3]',
    async (_what, type, body) => {
      for (const target of [path, requestLinkPath]) {
        expect(await costOf({ path: target, headers: [type], body }, [200, 400])).toBeLessThan(1)
      }
    },
  )

  const header = (name: string, piece: string, start = ''): [string, [string, string]] => [
    `${name}, a repeated ${JSON.stringify(piece)},`,
    [name, start + piece.repeat(Math.floor(15_000 / piece.length))],
  ]
  test.each([
    header('Accept', 'a/b,'),
    header('Accept', 'application/json;q=0.1;x="y",'),
    header('Accept', '; '),
    header('Accept', ';q', 'application/json'),
    header('Accept', ' ', 'application/json;'),
    header('Accept', ',', '"'),
    header('Accept-Language', 'de-CH-x-a,'),
    header('Accept-Language', 'a-', 'de'),
    header('Accept-Language', ';q=0.1,de', 'de'),
    header('Content-Type', ' ', 'application/json;'),
    header('Content-Type', ';a=b', 'application/json'),
    header('Content-Type', '"\\', 'multipart/form-data; boundary='),
    header('Origin', 'http://a.'),
    header('Sec-Fetch-Site', 'same-origin,'),
    header('Cookie', 'a=b; '),
    header('Authorization', 'Basic '),
    header('X-Forwarded-For', '1.1.1.1, '),
    header('User-Agent', '('),
    header('Content-Encoding', 'identity,'),
    header('Transfer-Encoding', 'chunked,'),
  ])(
    'a request with 15,000 characters of the header %s costs less than one reset [C14]',
    async (_what, line) => {
      const headers = line[0] === 'Content-Type' ? [line] : [json, line]
      const statuses = [200, 400, 403, 406, 413, 415, 431]
      expect(await costOf({ path, headers, body: '{"user_id":"x"}' }, statuses)).toBeLessThan(1)
    },
  )

  test('a request with 120 languages that no request named before costs less than one reset [C14, I3]', async () => {
    let sent = 0
    const tag = (n: number) =>
      n
        .toString(26)
        .padStart(3, '0')
        .replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)]!)
    const madeUp = () => {
      const tags = Array.from({ length: 120 }, (_, n) => tag(sent + n))
      sent += tags.length
      return { path, headers: [json, ['Accept-Language', tags.join()] as const], body: '{"user_id":"x"}' }
    }
    expect(await costOf(madeUp, [400])).toBeLessThan(1)
    const page = () => ({ ...madeUp(), method: 'GET', path: '/forgot-password/', body: undefined })
    const plain = await costOf({ method: 'GET', path: '/forgot-password/' }, [200])
    expect((await costOf(page, [200])) - plain).toBeLessThan(1)
  })

  const addresses: [string, string][] = [
    ['/reset-password/?user_id=a&timestamp=1&signature=', 'a'],
    ['/reset-password/?user_id=a&timestamp=1&signature=', '.'],
    ['/reset-password/?user_id=a&timestamp=1&signature=', '%20'],
    ['/reset-password/?', 'amp;amp;signature=a&'],
    ['/reset-password/?', 'signature=a&'],
    ['/cancel-reset/?user_id=a&timestamp=1&signature=', 'a'],
    ['/forgot-password/?error=', 'login.required,'],
    ['/forgot-password/?error=', ','],
    ['/forgot-password/?', 'a&'],
    ['/forgot-password/?', '&'],
    ['/forgot-password/sent/?', 'a=&'],
    ['/forgot-password/sent/?', 'a[]=&'],
    ['/icon.svg?', 'a&'],
    ['/api/health/live?', 'a&'],
    [path, '?a&'],
    [`${path}?`, 'a&'],
    ['/.well-known/change-password?', 'a&'],
    ['/', '/'],
    ['/', 'a/'],
    ['/', ';a=b'],
    ['/dev/mailbox/', 'a'],
  ]
  test.each(addresses)(
    'a request for %s, continued with 15,000 characters of %j, costs less than one reset more than a page [C14]',
    async (start, piece) => {
      const plain = await costOf({ method: 'GET', path: '/forgot-password/' }, [200])
      const target = start + piece.repeat(Math.floor(15_000 / piece.length))
      const cost = await costOf({ method: 'GET', path: target }, [200, 303, 307, 400, 404, 405])
      expect(cost - plain).toBeLessThan(1)
    },
  )

  test.each(['/reset-password/', '/cancel-reset/'])(
    'opening %s with 15,000 stray dots in the signature costs less than one reset more than without [C14]',
    async (page) => {
      const plain = await costOf({ method: 'GET', path: page }, [200])
      const long = `${page}?user_id=a&timestamp=1&signature=${'.'.repeat(15_000)}a`
      expect((await costOf({ method: 'GET', path: long }, [200])) - plain).toBeLessThan(1)
    },
  )

  test('a page with as many parameters as are allowed costs less than one reset more than without [C14]', async () => {
    const plain = await costOf({ method: 'GET', path: '/reset-password/' }, [200])
    const many = await costOf({ method: 'GET', path: `/reset-password/?${'signature=a&'.repeat(99)}` }, [200])
    expect(many - plain).toBeLessThan(1)
  })
})

test.runIf(hasProcFiles)(
  'five thousand requests for a page at once cost less than five hundred in turn [C14, I3]',
  async () => {
    const page = { method: 'GET', path: '/forgot-password/' }
    const hundred = await cpuTimeOf(async () => {
      for (let n = 0; n < 100; n += 1) expect((await exchange(app.port, page)).status).toBe(200)
    })
    resetPeak(processes.web)
    const peak = peakOf(processes.web)
    const line = `GET ${page.path} HTTP/1.1\r\nHost: a\r\n\r\n`
    const cost = await cpuTimeOf(async () => {
      expect((await sendBytes(app.port, line.repeat(5_000), { timeout: 60_000 })).closed).toBe(true)
      expect((await exchange(app.port, page)).status).toBe(200)
    })
    // Only the first hundred requests get a response. Both costs are counted in steps of 10 ms.
    expect(cost).toBeLessThan(5 * hundred)
    expect(peakOf(processes.web) - peak).toBeLessThan(256 * 1024 * 1024)
  },
  120_000,
)

import { pathToFileURL } from 'node:url'
import path from 'node:path'
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { createTestDatabase } from '@/e2e/support/test-database'
import {
  expectAlike,
  expectToldApart,
  sends,
  startComparisons,
  type Responses,
} from '@/e2e/support/time-comparisons'
import { bound, type Effort, type TimedRound } from '@/e2e/support/time-pairs'
import type { TimedClient } from '@/e2e/support/timed-requests'
import { startTroubledMail, troubles } from '@/e2e/support/troubled-mail'
import { isLong } from '@/e2e/support/long-form'

// Two kinds of requests are alike if the 95 % interval of the median difference lies within 1 ms. The same comparison on an app
// that sleeps for 3 ms on one side must tell the sides apart. On a busy machine, a comparison may be undecided. Only the long
// form fails then.

const effort: Effort = isLong
  ? { least: 400, most: 5000, seconds: 300 }
  : { least: 80, most: 2000, seconds: 20 }
const slowEffort: Effort = isLong
  ? { least: 200, most: 1000, seconds: 600 }
  : { least: 40, most: 400, seconds: 40 }
const timeout = isLong ? 900_000 : 300_000
const longOnly = test.runIf(isLong)

const crowd = 40
/** Logins of the same length and number for each kind. */
const loginsOf = (kind: string) =>
  Array.from({ length: crowd }, (_, i) => `${kind}-${String(i).padStart(3, '0')}`)
const [known, unknown, others] = [loginsOf('known'), loginsOf('stray'), loginsOf('other')]

const { compare, clientOf, close: closeComparisons } = startComparisons()

const ends: (() => unknown)[] = []
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined
  return () => (made ??= make())
}

const wholeApp = once(async () => {
  const mail = await startTroubledMail()
  ends.push(mail.close)
  const app = await startApp({ env: mail.env })
  ends.push(app.stop)
  for (const username of known) await app.addPerson({ username })
  return { app, mail }
})

/** No worker, but a proxy to the database and ten thousand waiting jobs. */
const servingApp = once(async () => {
  const database = await createTestDatabase()
  const proxy = await startDatabaseProxy(database)
  ends.push(database.drop, proxy.close)
  const app = await startApp({ database: proxy.database, env: { WORKER: 'off' } })
  ends.push(app.stop)
  const ids: string[] = []
  for (const username of known) ids.push((await app.addPerson({ username })).id)
  await app.sql.query(
    `INSERT INTO rekey_queue.job (name, data)
     SELECT 'link-request', jsonb_build_object('target', jsonb_build_object('login', 'someone-' || n), 'client', '127.0.0.1',
            'bypassPause', false, 'locale', 'en', 'requestId', n::text) FROM generate_series(1, 10000) n`,
  )
  return { app, ids, database, proxy }
})

/** The same app with a sleep of 3 ms in requests for known accounts, or, with `late`, in the request after such a one. */
const plantedIn = (late: boolean) =>
  once(async () => {
    const { app: twin, ids, database } = await servingApp()
    const app = await startApp({
      database,
      env: {
        WORKER: 'off',
        SECRET_KEY: twin.secret,
        PUBLIC_URL: twin.url,
        NODE_OPTIONS: `--import=${pathToFileURL(path.resolve('e2e/support/planted-sleep.js')).href}`,
        PLANTED_SLEEP_FOR: [...known, ...ids].join(),
        ...(late && { PLANTED_SLEEP_LATE: '1' }),
      },
    })
    ends.push(app.stop)
    return { app, ids }
  })
const plantedApp = plantedIn(false)
const plantedLateApp = plantedIn(true)

afterAll(async () => {
  closeComparisons()
  for (const end of ends.reverse()) await end()
}, 60_000)

const addressOf = (username: string) => `${username}@example.com`

const requestsFor = (client: TimedClient, logins: string[], responses: Responses) =>
  sends(
    'response',
    client,
    'send-reset-password-link',
    (round) => ({ login: logins[round % crowd]! }),
    responses,
  )

const forged = (id: string) => ({
  user_id: id,
  timestamp: Math.floor(Date.now() / 1000) - 60,
  signature: randomBytes(64).toString('base64url'),
})

describe('requests for a link', () => {
  const condition = 'request, known against unknown'
  const knownAndUnknown = (app: RunningApp) => {
    const client = clientOf(app)
    return (responses: Responses): [TimedRound<'response'>, TimedRound<'response'>] => [
      requestsFor(client, known, responses),
      requestsFor(client, unknown, responses),
    ]
  }

  test('requests for known, unknown, disabled, password-less and mailbox-less accounts get the same bytes [A1, A4]', async () => {
    const { app } = await wholeApp()
    const client = clientOf(app)
    const logins = [
      known[0]!,
      addressOf(known[0]!),
      unknown[0]!,
      addressOf(unknown[0]!),
      (await app.addPerson({ isActive: false })).username,
      (await app.addPerson({ password: null })).username,
      (await app.addPerson({ email: '' })).username,
    ]
    const responses = new Set<string>()
    for (const login of logins)
      responses.add((await client.post('send-reset-password-link', { login })).plain)
    expect([...responses]).toEqual([expect.stringMatching(/^200\n[^]*\n\{"detail":"[^"]+"\}$/)])
  })

  test(
    'requests for known and unknown accounts take the same time while ten thousand jobs wait [A2]',
    { timeout },
    async () => {
      const { app } = await servingApp()
      expectAlike(await compare(`${condition}, 10,000 jobs waiting`, knownAndUnknown(app), effort))
    },
  )

  test(
    'the same comparison detects a sleep of 3 ms in requests for known accounts [A2]',
    { timeout },
    async () => {
      const { app } = await plantedApp()
      expectToldApart(await compare(`${condition}, 3 ms planted`, knownAndUnknown(app), effort), 'response')
    },
  )

  longOnly(
    'requests for known and unknown accounts take the same time with a database 50 ms away [A2]',
    { timeout },
    async () => {
      const { app, proxy } = await servingApp()
      proxy.delay(50)
      // Most of the time is waiting, so several pairs run at once.
      const severalAtOnce = { ...slowEffort, lanes: 4 }
      const pool = Array.from({ length: 8 }, () => clientOf(app))
      const inTurn = (logins: string[], responses: Responses): TimedRound<'response'> => {
        const rounds = pool.map((client) => requestsFor(client, logins, responses))
        return (round) => rounds[round % rounds.length]!(round)
      }
      const compared = await compare(
        `${condition}, database 50 ms away`,
        (responses) => [inTurn(known, responses), inTurn(unknown, responses)],
        severalAtOnce,
      ).finally(() => proxy.restore())
      expectAlike(compared)
      expect(compared.times.response.typical).toBeGreaterThan(100)
    },
  )

  test(
    'requests for accounts that get no email take the same time as for those that get one [A2]',
    { timeout },
    async () => {
      const { app } = await servingApp()
      const client = clientOf(app)
      const kinds = [{ isActive: false }, { password: null }, { email: '' }]
      const withoutEmail = await Promise.all(
        loginsOf('quiet').map(async (username, i) => {
          return (await app.addPerson({ ...kinds[i % kinds.length], username })).username
        }),
      )
      expectAlike(
        await compare(
          'request, known against disabled, password-less and mailbox-less',
          (responses) => [
            requestsFor(client, known, responses),
            requestsFor(client, withoutEmail, responses),
          ],
          effort,
        ),
      )
    },
  )

  test(
    'redirect addresses in a request have no effect on its response or its time [C9]',
    { timeout },
    async () => {
      const { app } = await servingApp()
      const client = clientOf(app)
      const evil = 'https://evil.example/%'
      const given = { redirect_to: evil, reset_url: evil, callbackURL: evil, next: evil }
      const side = (logins: string[], responses: Responses) =>
        sends(
          'response',
          client,
          'send-reset-password-link',
          (n) => ({ login: logins[n % crowd]!, ...given }),
          responses,
        )
      expectAlike(
        await compare(
          'request with addresses to lead to, known against unknown',
          (responses) => [side(known, responses), side(unknown, responses)],
          effort,
        ),
      )
    },
  )

  /** Requests a link and then others in a row, as an attacker would who times the rendering of an email. */
  function probes(
    client: TimedClient,
    logins: string[],
    responses: Responses,
  ): TimedRound<'response' | 'next' | 'later'> {
    const row = 8
    const pause = 60
    const other = (n: number) => requestsFor(client, others, responses)(n)
    return async (round) => {
      const { response } = await requestsFor(client, logins, responses)(round)
      const { response: next } = await other(round * row)
      let later = 0
      for (let n = 1; n < row; n += 1) later += (await other(round * row + n)).response / (row - 1)
      await new Promise((resolve) => setTimeout(resolve, pause))
      return { response, next, later }
    }
  }

  test(
    'while a worker renders emails, the responses to a request and to the next ones take the same time [A2]',
    { timeout },
    async () => {
      const { app, mail } = await wholeApp()
      const client = clientOf(app)
      const before = mail.counts.taken
      const compared = await compare(
        `${condition}, worker on`,
        (responses) => [probes(client, known, responses), probes(client, unknown, responses)],
        slowEffort,
      )
      expectAlike(compared)
      expect(mail.counts.taken).toBeGreaterThan(before)
    },
  )

  test(
    'the same comparison detects a sleep of 3 ms in the request right after [A2]',
    { timeout },
    async () => {
      const client = clientOf((await plantedLateApp()).app)
      const compared = await compare(
        `${condition}, 3 ms planted in the next response`,
        (responses) => [probes(client, known, responses), probes(client, unknown, responses)],
        slowEffort,
      )
      expectToldApart(compared, 'next')
      expect(compared.times.response.interval[0]).toBeLessThan(bound)
    },
  )

  longOnly(
    'requests for known and unknown accounts take the same time under load [A2]',
    { timeout },
    async () => {
      const { app } = await servingApp()
      let done = false
      const visitors = [clientOf(app), clientOf(app)].map(async (client) => {
        for (let n = 0; !done; n += 1)
          await client.post('send-reset-password-link', { login: others[n % crowd]! })
      })
      const compared = await compare(`${condition}, under load`, knownAndUnknown(app), effort).finally(
        () => (done = true),
      )
      await Promise.all(visitors)
      expectAlike(compared)
    },
  )

  test(
    'a mail server in trouble changes neither the responses to requests nor their time [A3]',
    { timeout },
    async () => {
      const { app, mail } = await wholeApp()
      const sides = knownAndUnknown(app)
      const control = await compare(`${condition}, mail working`, sides, slowEffort)
      expectAlike(control)
      for (const trouble of isLong ? troubles : (['refusing (550)', 'silent'] as const)) {
        mail.becomes(trouble)
        const { troubled, taken } = mail.counts
        const compared = await compare(`${condition}, mail ${trouble}`, sides, slowEffort)
        expectAlike(compared)
        expect(compared.responses).toEqual(control.responses)
        expect(compared.times.response.typical - control.times.response.typical).toBeLessThan(300)
        // Connections to a silent server fail only after some time.
        await expect.poll(() => mail.counts.troubled, { timeout: 120_000 }).toBeGreaterThan(troubled)
        expect(mail.counts.taken).toBe(taken)
        mail.becomes('working')
      }
    },
  )
})

describe('requests that set a password', () => {
  const unknownIds = Array.from({ length: crowd }, () => randomUUID())
  const guesses = (client: TimedClient, ids: string[], responses: Responses) => {
    const password = newPassword()
    return sends(
      'response',
      client,
      'reset-password',
      (n) => ({ ...forged(ids[n % crowd]!), password }),
      responses,
    )
  }
  const byId = ({ app, ids }: { app: RunningApp; ids: string[] }) => {
    const client = clientOf(app)
    return (responses: Responses): [TimedRound<'response'>, TimedRound<'response'>] => [
      guesses(client, ids, responses),
      guesses(client, unknownIds, responses),
    ]
  }
  const condition = 'reset with a bad signature, known id against unknown'

  test(
    'a link with a bad signature gets the same response in the same time for known and unknown user ids [T12]',
    { timeout },
    async () => {
      const compared = await compare(condition, byId(await servingApp()), effort)
      expectAlike(compared)
      expect(compared.responses[0]).toContain('signature-invalid')
    },
  )

  test('the same comparison detects a sleep of 3 ms for known user ids [T12]', { timeout }, async () => {
    const compared = await compare(`${condition}, 3 ms planted`, byId(await plantedApp()), effort)
    expectToldApart(compared, 'response')
  })

  test(
    'with a bad signature, a password that is the account’s address gets the same response in the same time [T11]',
    { timeout },
    async () => {
      const { app, ids } = await servingApp()
      const client = clientOf(app)
      const { length } = addressOf(known[0]!)
      const side = (passwordOf: (n: number) => string, responses: Responses) =>
        sends(
          'response',
          client,
          'reset-password',
          (n) => ({ ...forged(ids[n % crowd]!), password: passwordOf(n) }),
          responses,
        )
      expectAlike(
        await compare(
          'reset with a bad signature, password like the address against random',
          (responses) => [
            side((n) => addressOf(known[n % crowd]!), responses),
            side(() => randomBytes(length).toString('hex').slice(0, length), responses),
          ],
          effort,
        ),
      )
    },
  )
})

describe('accounts with hashes of different costs', () => {
  const digest = 'RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60'
  const expensive = `$argon2id$v=19$m=524288,t=6,p=1$c29tZXNhbHRzb21lc2FsdA$${digest}`
  const cheapest = `$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$${digest}`

  // Hashes of older systems.
  const bcrypt = '$2b$04$abcdefghijklmnopqrstuuRdescudvJCsgt3ubZb3dWRWJTmaaJO'
  const pbkdf2 = `pbkdf2_sha256$1000$somesaltsomesalt$${digest}=`

  /** Gives half of the accounts cheap hashes of each scheme, and half an expensive hash. */
  async function halves() {
    const { app, ids } = await servingApp()
    const all = known.map((_, i) => i)
    const [cheap, costly] = [all.filter((i) => i % 2 === 0), all.filter((i) => i % 2 === 1)]
    const old = [cheapest, bcrypt, pbkdf2]
    const hashes = all.map((i) => (i % 2 === 0 ? old[(i / 2) % old.length]! : expensive))
    await app.sql.query(
      `UPDATE "rekey"."users" SET "password" = given.hash FROM unnest($1::text[], $2::text[]) AS given(id, hash)
       WHERE "rekey"."users"."id"::text = given.id`,
      [ids, hashes],
    )
    return { app, ids, cheap, costly }
  }

  test(
    'requests for accounts with cheap and with expensive hashes take the same time [C13, CVE-2016-2513]',
    { timeout },
    async () => {
      const { app, cheap, costly } = await halves()
      const client = clientOf(app)
      const side = (half: number[], responses: Responses) =>
        sends(
          'response',
          client,
          'send-reset-password-link',
          (n) => ({ login: known[half[n % half.length]!]! }),
          responses,
        )
      expectAlike(
        await compare(
          'request, old hash against new',
          (responses) => [side(cheap, responses), side(costly, responses)],
          effort,
        ),
      )
    },
  )

  test(
    'a rejected password takes the same time for accounts with cheap and with expensive hashes [C13, CVE-2016-2513]',
    { timeout },
    async () => {
      const { app, ids, cheap, costly } = await halves()
      const client = clientOf(app)
      const { linkOf } = signedLinks(app)
      const links = await Promise.all(ids.map((id) => linkOf({ id })))
      const side = (half: number[], responses: Responses) =>
        sends(
          'response',
          client,
          'reset-password',
          (n) => ({ ...links[half[n % half.length]!]!, password: 'short' }),
          responses,
        )
      const compared = await compare(
        'reset with a refused password, old hash against new',
        (responses) => [side(cheap, responses), side(costly, responses)],
        effort,
      )
      expectAlike(compared)
      expect(compared.responses[0]).toContain('too short')
    },
  )
})

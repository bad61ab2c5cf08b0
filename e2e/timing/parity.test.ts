import { pathToFileURL } from 'node:url'
import path from 'node:path'
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { startDatabaseProxy } from '@/e2e/support/database-proxy'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type Endpoint, type RunningApp } from '@/e2e/support/running-app'
import { createTestDatabase } from '@/e2e/support/test-database'
import { bound, compareTimes, type Comparison, type Effort, type TimedRound } from '@/e2e/support/time-pairs'
import { timedClient, type TimedClient } from '@/e2e/support/timed-requests'
import { startTroubledMail, troubles } from '@/e2e/support/troubled-mail'
import { isLong } from '@/e2e/support/long-form'

// Whether an answer, its bytes or its time, tells who has an account. Two kinds of request are sent in turns and in
// random order; they are alike when the 95 % interval of the median difference lies within 1 ms. Each comparison stands
// beside the same one of an app in which 3 ms of sleep are planted on one side, and that one must be told apart.
//
// A busy machine may leave a comparison undecided. That is reported, and fails only the long form.

const effort: Effort = isLong
  ? { least: 400, most: 5000, seconds: 300 }
  : { least: 80, most: 2000, seconds: 20 }
/** Where a pair takes long. */
const slowEffort: Effort = isLong
  ? { least: 200, most: 1000, seconds: 600 }
  : { least: 40, most: 400, seconds: 40 }
const timeout = isLong ? 900_000 : 300_000
/** Conditions that take a minute by themselves. */
const longOnly = test.runIf(isLong)

const crowd = 40
/** As many logins of people as of nobody, of the same length. */
const named = (kind: string) =>
  Array.from({ length: crowd }, (_, i) => `${kind}-${String(i).padStart(3, '0')}`)
const [known, unknown, others] = [named('known'), named('stray'), named('other')]

/** What is started when a test first needs it, and is ended after all. */
const ends: (() => unknown)[] = []
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let made: Promise<Made> | undefined
  return () => (made ??= make())
}

/** With its worker and a mail server that can be in trouble. */
const wholeApp = once(async () => {
  const mail = await startTroubledMail()
  ends.push(mail.close)
  const app = await startApp({ env: mail.env })
  ends.push(app.stop)
  for (const username of known) await app.addPerson({ username })
  return { app, mail }
})

/** Only serves, through a proxy; its queue holds ten thousand jobs. */
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

/** The same with a sleep of 3 ms planted for those who are known, or, `late`, into the answer after theirs. */
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

const clients: TimedClient[] = []
afterAll(async () => {
  for (const client of clients) client.close()
  for (const end of ends.reverse()) await end()
  report()
}, 60_000)

const addressOf = (username: string) => `${username}@example.com`

function clientOf({ port }: RunningApp): TimedClient {
  const client = timedClient(port)
  clients.push(client)
  return client
}

/** Every answer that a comparison got; of one kind of request there must be only one. */
type Answers = Set<string>

/** A trial of one request with what `fields` gives for the round. */
function sends<Name extends string>(
  name: Name,
  client: TimedClient,
  endpoint: Endpoint,
  fields: (round: number) => object,
  answers: Answers,
): TimedRound<Name> {
  return async (round) => {
    const { took, plain } = await client.post(endpoint, fields(round))
    answers.add(plain)
    return { [name]: took } as Record<Name, number>
  }
}

const asksFor = (client: TimedClient, logins: string[], answers: Answers) =>
  sends('answer', client, 'send-reset-password-link', (round) => ({ login: logins[round % crowd]! }), answers)

/** A link that nobody signed, with the length of one. */
const forged = (id: string) => ({
  user_id: id,
  timestamp: Math.floor(Date.now() / 1000) - 60,
  signature: randomBytes(64).toString('base64url'),
})

const rows: { condition: string; comparison: Comparison }[] = []

type Told<Name extends string> = { times: Record<Name, Comparison>; answers: string[] }

/** Compares two kinds of request, and keeps the numbers for the report. */
async function tell<Name extends string>(
  condition: string,
  sides: (answers: Answers) => [TimedRound<Name>, TimedRound<Name>],
  how: Effort = effort,
): Promise<Told<Name>> {
  const answers: Answers = new Set()
  const times = await compareTimes(...sides(answers), how)
  for (const [name, comparison] of Object.entries<Comparison>(times))
    rows.push({ condition: `${condition}: ${name}`, comparison })
  return { times, answers: [...answers] }
}

/** All answers must be the same bytes, too. A failure shows the numbers. */
function alike({ times, answers }: Told<string>) {
  expect(answers).toHaveLength(1)
  const allowed = isLong ? ['alike'] : ['alike', 'undecided']
  for (const comparison of Object.values(times))
    expect(allowed, JSON.stringify(times, null, 1)).toContain(comparison.verdict)
}

/** Whether the planted sleep was seen in the times of this name. */
function toldApart({ times }: Told<string>, name: string) {
  const allowed = isLong ? ['told apart'] : ['told apart', 'undecided']
  expect(allowed, JSON.stringify(times)).toContain(times[name]!.verdict)
  expect(times[name]!.difference).toBeGreaterThan(0)
}

describe('asking for a link', () => {
  const condition = 'ask, known against unknown'
  const knownAndUnknown = (app: RunningApp) => {
    const client = clientOf(app)
    return (answers: Answers): [TimedRound<'answer'>, TimedRound<'answer'>] => [
      asksFor(client, known, answers),
      asksFor(client, unknown, answers),
    ]
  }

  test('known, unknown, inactive, password-less and mailbox-less accounts get the same bytes [A1, A4]', async () => {
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
    const answers = new Set<string>()
    for (const login of logins) answers.add((await client.post('send-reset-password-link', { login })).plain)
    expect([...answers]).toEqual([expect.stringMatching(/^200\n[^]*\n\{"detail":"[^"]+"\}$/)])
  })

  test('takes the same time, though ten thousand jobs wait [A2]', { timeout }, async () => {
    alike(await tell(`${condition}, 10,000 jobs waiting`, knownAndUnknown((await servingApp()).app)))
  })

  test('the same comparison tells 3 ms that are planted for known accounts [A2]', { timeout }, async () => {
    toldApart(await tell(`${condition}, 3 ms planted`, knownAndUnknown((await plantedApp()).app)), 'answer')
  })

  longOnly('A2: takes the same time when the database is 50 ms away', { timeout }, async () => {
    const { app, proxy } = await servingApp()
    proxy.delay(50)
    // Mostly waiting, so several at once.
    const how = { ...slowEffort, lanes: 4 }
    const pool = Array.from({ length: 8 }, () => clientOf(app))
    const inTurn = (logins: string[], answers: Answers): TimedRound<'answer'> => {
      const trials = pool.map((client) => asksFor(client, logins, answers))
      return (round) => trials[round % trials.length]!(round)
    }
    const told = await tell(
      `${condition}, database 50 ms away`,
      (answers) => [inTurn(known, answers), inTurn(unknown, answers)],
      how,
    ).finally(() => proxy.restore())
    alike(told)
    expect(told.times.answer.typical).toBeGreaterThan(100)
  })

  test(
    'disabled, password-less and mailbox-less accounts take the same time as those that get an email [A2]',
    { timeout },
    async () => {
      const { app } = await servingApp()
      const client = clientOf(app)
      const kinds = [{ isActive: false }, { password: null }, { email: '' }]
      const letterless = await Promise.all(
        named('quiet').map(async (username, i) => {
          return (await app.addPerson({ ...kinds[i % kinds.length], username })).username
        }),
      )
      alike(
        await tell('ask, known against disabled, password-less and mailbox-less', (answers) => [
          asksFor(client, known, answers),
          asksFor(client, letterless, answers),
        ]),
      )
    },
  )

  test('addresses that the caller names have no effect, also not on the time [C9]', { timeout }, async () => {
    const { app } = await servingApp()
    const client = clientOf(app)
    const evil = 'https://evil.example/%'
    const given = { redirect_to: evil, reset_url: evil, callbackURL: evil, next: evil }
    const side = (logins: string[], answers: Answers) =>
      sends(
        'answer',
        client,
        'send-reset-password-link',
        (n) => ({ login: logins[n % crowd]!, ...given }),
        answers,
      )
    alike(
      await tell('ask with addresses to lead to, known against unknown', (answers) => [
        side(known, answers),
        side(unknown, answers),
      ]),
    )
  })

  /** Asks, then asks for others in a row, as somebody would who listens for an email that is being made. */
  function listens(
    client: TimedClient,
    logins: string[],
    answers: Answers,
  ): TimedRound<'answer' | 'next' | 'later'> {
    const row = 8
    const pause = 60
    const other = (n: number) => asksFor(client, others, answers)(n)
    return async (round) => {
      const { answer } = await asksFor(client, logins, answers)(round)
      const { answer: next } = await other(round * row)
      let later = 0
      for (let n = 1; n < row; n += 1) later += (await other(round * row + n)).answer / (row - 1)
      await new Promise((resolve) => setTimeout(resolve, pause))
      return { answer, next, later }
    }
  }

  test(
    'with the worker at work, neither the answer, nor the one right after it, nor those later tell that an email is made [A2]',
    { timeout },
    async () => {
      const { app, mail } = await wholeApp()
      const client = clientOf(app)
      const before = mail.counts.taken
      const told = await tell(
        `${condition}, worker on`,
        (answers) => [listens(client, known, answers), listens(client, unknown, answers)],
        slowEffort,
      )
      alike(told)
      expect(mail.counts.taken).toBeGreaterThan(before)
    },
  )

  test(
    'the same comparison tells 3 ms that are planted into the answer right after [A2]',
    { timeout },
    async () => {
      const client = clientOf((await plantedLateApp()).app)
      const told = await tell(
        `${condition}, 3 ms planted in the next answer`,
        (answers) => [listens(client, known, answers), listens(client, unknown, answers)],
        slowEffort,
      )
      toldApart(told, 'next')
      expect(told.times.answer.interval[0]).toBeLessThan(bound)
    },
  )

  longOnly('A2: takes the same time under load', { timeout }, async () => {
    const { app } = await servingApp()
    let done = false
    const visitors = [clientOf(app), clientOf(app)].map(async (client) => {
      for (let n = 0; !done; n += 1)
        await client.post('send-reset-password-link', { login: others[n % crowd]! })
    })
    const told = await tell(`${condition}, under load`, knownAndUnknown(app)).finally(() => (done = true))
    await Promise.all(visitors)
    alike(told)
  })

  test(
    'mail that is away, refuses, puts off, says nothing or cannot be trusted changes neither answer nor time [A3]',
    { timeout },
    async () => {
      const { app, mail } = await wholeApp()
      const compared = knownAndUnknown(app)
      const control = await tell(`${condition}, mail well`, compared, slowEffort)
      alike(control)
      for (const trouble of isLong ? troubles : (['refusing (550)', 'silent'] as const)) {
        mail.becomes(trouble)
        const { troubled, taken } = mail.counts
        const told = await tell(`${condition}, mail ${trouble}`, compared, slowEffort)
        alike(told)
        expect(told.answers).toEqual(control.answers)
        expect(told.times.answer.typical - control.times.answer.typical).toBeLessThan(300)
        // What a silent server has in hand must first come back.
        await expect.poll(() => mail.counts.troubled, { timeout: 120_000 }).toBeGreaterThan(troubled)
        expect(mail.counts.taken).toBe(taken)
        mail.becomes('well')
      }
    },
  )
})

describe('posting a new password', () => {
  const strangers = Array.from({ length: crowd }, () => randomUUID())
  const guesses = (client: TimedClient, ids: string[], answers: Answers) => {
    const password = newPassword()
    return sends(
      'answer',
      client,
      'reset-password',
      (n) => ({ ...forged(ids[n % crowd]!), password }),
      answers,
    )
  }
  const byId = ({ app, ids }: { app: RunningApp; ids: string[] }) => {
    const client = clientOf(app)
    return (answers: Answers): [TimedRound<'answer'>, TimedRound<'answer'>] => [
      guesses(client, ids, answers),
      guesses(client, strangers, answers),
    ]
  }
  const condition = 'reset with a bad signature, known id against unknown'

  test(
    'a bad signature is answered alike for an id that exists and for one that does not [T12]',
    { timeout },
    async () => {
      const told = await tell(condition, byId(await servingApp()))
      alike(told)
      expect(told.answers[0]).toContain('signature-invalid')
    },
  )

  test('the same comparison tells 3 ms that are planted for known ids [T12]', { timeout }, async () => {
    toldApart(await tell(`${condition}, 3 ms planted`, byId(await plantedApp())), 'answer')
  })

  test(
    'with a bad signature, a password like the account’s own address is answered as any other [T11]',
    { timeout },
    async () => {
      const { app, ids } = await servingApp()
      const client = clientOf(app)
      const side = (passwordOf: (n: number) => string, answers: Answers) =>
        sends(
          'answer',
          client,
          'reset-password',
          (n) => ({ ...forged(ids[n % crowd]!), password: passwordOf(n) }),
          answers,
        )
      alike(
        await tell('reset with a bad signature, password like the address against random', (answers) => [
          side((n) => addressOf(known[n % crowd]!), answers),
          side(
            () =>
              randomBytes(addressOf(known[0]!).length).toString('hex').slice(0, addressOf(known[0]!).length),
            answers,
          ),
        ]),
      )
    },
  )
})

describe('accounts whose password was hashed at another cost [C13, CVE-2016-2513]', () => {
  const digest = 'RdescudvJCsgt3ub+b3dWRWJTmaaJObGPWc6ZSfkF60'
  const dear = `$argon2id$v=19$m=524288,t=6,p=1$c29tZXNhbHRzb21lc2FsdA$${digest}`
  const stale = `$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$${digest}`

  // What accounts bring from an older system.
  const bcrypt = '$2b$04$abcdefghijklmnopqrstuuRdescudvJCsgt3ubZb3dWRWJTmaaJO'
  const pbkdf2 = `pbkdf2_sha256$1000$somesaltsomesalt$${digest}=`

  /** Half of the crowd with a hash so dear that one check would take seconds, half with the cheapest of each scheme. */
  async function halves() {
    const { app, ids } = await servingApp()
    const all = known.map((_, i) => i)
    const [cheap, costly] = [all.filter((i) => i % 2 === 0), all.filter((i) => i % 2 === 1)]
    const old = [stale, bcrypt, pbkdf2]
    const hashes = all.map((i) => (i % 2 === 0 ? old[(i / 2) % old.length]! : dear))
    await app.sql.query(
      `UPDATE "rekey"."users" SET "password" = given.hash FROM unnest($1::text[], $2::text[]) AS given(id, hash)
       WHERE "rekey"."users"."id"::text = given.id`,
      [ids, hashes],
    )
    return { app, ids, cheap, costly }
  }

  test('are answered alike when they ask', { timeout }, async () => {
    const { app, cheap, costly } = await halves()
    const client = clientOf(app)
    const side = (half: number[], answers: Answers) =>
      sends(
        'answer',
        client,
        'send-reset-password-link',
        (n) => ({ login: known[half[n % half.length]!]! }),
        answers,
      )
    alike(await tell('ask, old hash against new', (answers) => [side(cheap, answers), side(costly, answers)]))
  })

  test(
    'are answered alike when their genuine link comes with a password that is refused',
    { timeout },
    async () => {
      const { app, ids, cheap, costly } = await halves()
      const client = clientOf(app)
      const { linkOf } = signedLinks(app)
      const links = await Promise.all(ids.map((id) => linkOf({ id })))
      const side = (half: number[], answers: Answers) =>
        sends(
          'answer',
          client,
          'reset-password',
          (n) => ({ ...links[half[n % half.length]!]!, password: 'short' }),
          answers,
        )
      const told = await tell('reset with a refused password, old hash against new', (answers) => [
        side(cheap, answers),
        side(costly, answers),
      ])
      alike(told)
      expect(told.answers[0]).toContain('too short')
    },
  )
})

/** What was measured, as the table that docs/timing.md keeps. */
function report(): void {
  const ms = (value: number) => value.toFixed(2)
  const lines = rows.map(
    ({ condition, comparison: { pairs, typical, difference, interval, verdict } }) =>
      `| ${condition} | ${pairs} | ${ms(typical)} | ${ms(difference)} | ${interval.map(ms).join(' to ')} | ${verdict} |`,
  )
  const head = [
    '| condition | pairs | median ms | difference ms | 95 % interval ms | verdict |',
    '| --- | --- | --- | --- | --- | --- |',
  ]
  const undecided = rows.filter(({ comparison }) => comparison.verdict === 'undecided').length
  console.log([...head, ...lines, `${undecided} of ${rows.length} undecided`].join('\n'))
}

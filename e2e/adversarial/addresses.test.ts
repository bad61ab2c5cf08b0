import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createQueue } from '@/lib/queue'
import { exchange } from '../contract/exchange'
import { signedLinks } from '../contract/signed-links'
import { foldings } from '../world/look-alikes'
import { startMailSink, type MailSink } from '../world/mail-sink'
import { newPassword, startApp, type NewPerson, type Person, type RunningApp } from '../world/running-app'
import { isLong } from '../world/long-form'

// Addresses that two programs read in two ways. Whatever was typed or is stored, a letter goes to the one stored address
// of an account, or nowhere; so "nowhere" is what most of this file shows, on the wire to the mail server.

const evil = 'eve@evil.example'
const sent = [200, { detail: 'Reset link sent if the user exists in database' }]
const path = '/api/v1/accounts/send-reset-password-link/'

let sink: MailSink
let wire: Awaited<ReturnType<typeof listenIn>>
let app: RunningApp
beforeAll(async () => {
  sink = await startMailSink()
  wire = await listenIn(sink.url)
  app = await startApp({ sink, env: { SMTP_URL: wire.url } })
})
afterAll(async () => {
  await app?.stop()
  await wire?.close()
  await sink?.close()
})

/** Stands on the way to the mail server and hears every line that is said to it. */
async function listenIn(smtpUrl: string) {
  const commands: string[] = []
  const lines: string[] = []
  const server = createServer((client) => {
    const mailServer = connect(Number(new URL(smtpUrl).port), '127.0.0.1')
    let unfinished = ''
    let inLetter = false
    client.on('data', (chunk: Buffer) => {
      const heard = (unfinished + chunk.toString('latin1')).split('\r\n')
      unfinished = heard.pop()!
      for (const line of heard) {
        lines.push(line)
        if (!inLetter && !/^(EHLO|QUIT|RSET|NOOP)\b/.test(line)) commands.push(line)
        inLetter = inLetter ? line !== '.' : line === 'DATA'
      }
    })
    client.on('error', () => mailServer.destroy())
    mailServer.on('error', () => client.destroy())
    client.pipe(mailServer).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}?ignoreTLS=true`,
    /** What was said outside of letters, but for greetings and farewells. */
    commands,
    /** Everything. */
    lines,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** Waits until every job has come to its end; one that is to be tried again has not. */
async function settled(of: Pick<RunningApp, 'sql'> = app): Promise<void> {
  const left = async () => {
    const { rows } = await of.sql.query(
      `SELECT name, state, data, retry_count, output FROM pgboss.job WHERE state < 'completed'`,
    )
    return rows
  }
  await expect.poll(left, { timeout: 30_000, interval: 100 }).toEqual([])
}

/** What went out while something was done: recipients of letters, and commands to the mail server. */
async function during(act: () => Promise<unknown>): Promise<{ recipients: string[]; commands: string[] }> {
  const before = { letters: sink.letters.length, commands: wire.commands.length }
  await act()
  await settled()
  return {
    recipients: sink.letters.slice(before.letters).flatMap(({ recipients }) => recipients),
    commands: wire.commands.slice(before.commands),
  }
}

const ask = async (body: unknown) => {
  const { status, json } = await app.post('send-reset-password-link', body)
  return [status, json]
}

/** Asks with each of the texts; all are answered as ever. */
async function askWith(logins: string[]): Promise<void> {
  const answers = await Promise.all(logins.map((login) => ask({ login })))
  expect(answers).toEqual(logins.map(() => sent))
}

const silence = { recipients: [], commands: [] }

describe('C1 (CVE-2023-7028, CVE-2026-8206): an address from the request', () => {
  const lists = (field: string, victim: string): [string, string, string][] => [
    ['a list', 'application/json', JSON.stringify({ [field]: [victim, evil] })],
    ['a list of one', 'application/json', JSON.stringify({ [field]: [victim] })],
    ['an object', 'application/json', JSON.stringify({ [field]: { 0: victim, 1: evil } })],
    ['a nested list', 'application/json', JSON.stringify({ [field]: [[victim, evil]] })],
    ['brackets in a form', 'application/x-www-form-urlencoded', `${field}[]=${victim}&${field}[]=${evil}`],
    ['numbers in a form', 'application/x-www-form-urlencoded', `${field}[0]=${victim}&${field}[1]=${evil}`],
    [
      'brackets in multipart',
      'multipart/form-data; boundary=x',
      [victim, evil]
        .map((address) => `--x\r\nContent-Disposition: form-data; name="${field}[]"\r\n\r\n${address}\r\n`)
        .join('') + '--x--\r\n',
    ],
  ]

  test('C1 (CVE-2023-7028): in a list beside another one is refused, in every encoding', async () => {
    const victim = await app.addPerson()
    const out = await during(async () => {
      for (const [what, type, body] of lists('login', victim.email)) {
        const answer = await exchange(app.port, { path, headers: [['Content-Type', type]], body })
        expect([what, answer.status]).toEqual([what, 400])
        expect(answer.json).toEqual({ login: [expect.any(String)] })
      }
    })
    expect(out).toEqual(silence)
  })

  test('C1: of two that are given under one name the last alone counts', async () => {
    const victim = await app.addPerson()
    const twice: [string, string][] = [
      ['application/json', `{"login":"${evil}","login":"${victim.email}"}`],
      ['application/x-www-form-urlencoded', `login=${evil}&login=${victim.email}`],
      ['application/json', `{"login":"${victim.email}","login":"${evil}"}`],
      ['application/x-www-form-urlencoded', `login=${victim.email}&login=${evil}`],
    ]
    const out = await during(async () => {
      for (const [type, body] of twice) {
        const answer = await exchange(app.port, { path, headers: [['Content-Type', type]], body })
        expect(answer.status).toBe(200)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email])
  })

  test('C1 (CVE-2026-8206): beside the login, in the query or in a header goes unread', async () => {
    const victim = await app.addPerson()
    const names =
      'to cc bcc from email email2 e-mail mail emails address addresses recipient recipients user_email user[email] ' +
      'account send_to sendTo mail_to envelope replyTo reply_to notify redirect_email __proto__ constructor'
    const beside = Object.fromEntries(names.split(' ').map((name) => [name, evil]))
    const lists = Object.fromEntries(names.split(' ').map((name) => [name, [evil]]))
    const query = new URLSearchParams({ ...beside, login: evil }).toString()
    const out = await during(async () => {
      for (const body of [
        { ...beside, login: victim.email },
        { ...lists, login: victim.email },
        { login: victim.email, user: { email: evil }, data: { to: evil } },
      ]) {
        const answer = await exchange(app.port, {
          path: `${path}?${query}`,
          headers: [
            ['Content-Type', 'application/json'],
            ...['To', 'From', 'Email', 'X-Email', 'X-Forwarded-Email', 'X-Forwarded-User', 'Remote-User'].map(
              (name) => [name, evil] as const,
            ),
            ['Authorization', `Basic ${Buffer.from(`${evil}:x`).toString('base64')}`],
            ['Cookie', `email=${evil}; login=${evil}`],
          ],
          body: JSON.stringify(body),
        })
        expect([answer.status, answer.json]).toEqual(sent)
      }
    })
    expect(out.recipients).toEqual([victim.email, victim.email, victim.email])
    for (const { raw } of sink.letters) expect(raw.toString()).not.toContain('evil.example')
  })

  describe('where the field is called email and unknown accounts are told', () => {
    let strict: RunningApp
    beforeAll(async () => {
      strict = await startApp({
        env: {
          SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true',
          RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
          LIMIT_LETTERS_PER_ACCOUNT: '1/1h',
        },
      })
    })
    afterAll(() => strict?.stop())

    test('C1 (CVE-2023-7028): a list is refused there, too', async () => {
      const victim = await strict.addPerson()
      for (const [what, type, body] of lists('email', victim.email)) {
        const answer = await exchange(strict.port, { path, headers: [['Content-Type', type]], body })
        expect([what, answer.status]).toEqual([what, 400])
        expect(answer.json).toEqual({ email: [expect.any(String)] })
      }
      await settled(strict)
      expect(strict.sink.letters).toEqual([])
    })

    // Here the answer says whether an account was found, so that a great many can be tried.
    test('C2 (CVE-2019-19844), C6: of all characters that fold to ASCII letters, none names an ASCII address', async () => {
      const { lookAlikes, plain } = foldings()
      expect(lookAlikes.length).toBeGreaterThan(1_400)
      const tried = isLong ? lookAlikes : lookAlikes.filter(isWorthTrying)
      await store(
        strict.sql,
        plain.flatMap((letters) => [`a${letters}z@example.com`, `mike@a${letters}z.example`]),
      )
      const found = async (email: string) =>
        (await strict.post('send-reset-password-link', { email })).json as Record<string, unknown>
      expect(await found('akz@example.com')).toEqual({ detail: 'Reset link sent' })
      expect(await found('MIKE@AKZ.EXAMPLE')).toEqual({ detail: 'Reset link sent' })

      const typed = tried.flatMap((like) => [`a${like}z@example.com`, `mike@a${like}z.example`])
      const told = await mapInTurn(16, typed, found)
      const hits = typed.filter((_, at) => told[at]?.code !== 'user-not-found')
      expect(hits).toEqual([])
    })

    test('C2: nor does an ASCII address name an account whose address only looks like it', async () => {
      const { lookAlikes, plain } = foldings()
      await store(
        strict.sql,
        lookAlikes.flatMap((like) => [`b${like}z@example.com`, `mike@b${like}z.example`]),
      )
      const typed = plain.flatMap((letters) => [`b${letters}z@example.com`, `mike@b${letters}z.example`])
      const told = await mapInTurn(
        16,
        typed,
        async (email) => (await strict.post('send-reset-password-link', { email })).status,
      )
      expect(typed.filter((_, at) => told[at] !== 400)).toEqual([])
    })
  })
})

describe('C2 (CVE-2019-19844), C3 (CVE-2024-27295, GHSA-qw9g-7549-7wg5): addresses that look or sort alike', () => {
  const alike = [
    ['g\u0131thub', 'github'],
    ['\u0130nfo', 'info'],
    ['\u017fign', 'sign'],
    ['stra\u00dfe', 'strasse'],
    ['\u212aite', 'kite'],
    ['\ufb01rst', 'first'],
    ['\uff4dike', 'mike'],
    ['\u0435xample', 'example'],
    ['c\u00fcre53', 'cure53'], // C3
    ['cu\u0308re53', 'cure53'], // C3
  ] as const

  test('in the domain, in front of it and as a username, what looks like somebody else’s is nobody’s', async () => {
    const own: string[] = []
    const odd: string[] = []
    for (const [likeness, plain] of alike) {
      const tag = newTag()
      const logins = (text: string) => [`mike@${text}-${tag}.example`, `${text}.${tag}@example.com`]
      own.push(...logins(plain), `${plain}-${tag}`)
      odd.push(...logins(likeness), `${likeness}-${tag}`)
    }
    const emails = await Promise.all(
      own.map(
        async (login) =>
          (await app.addPerson(login.includes('@') ? { email: login } : { username: login })).email,
      ),
    )
    expect(await during(() => askWith(odd))).toEqual(silence)
    expect((await during(() => askWith(own))).recipients.sort()).toEqual(emails.sort())
  })

  test('C2: where both mailboxes have accounts, each gets its own letter and no other', async () => {
    const tag = newTag()
    const odd = await app.addPerson({ email: `mike@g\u0131thub-${tag}.example` })
    const plain = await app.addPerson({ email: `mike@github-${tag}.example` })
    const aLabel = new URL(`http://${odd.email.split('@')[1]}`).hostname
    const recipientsOf = async (login: string) =>
      (await during(() => askWith([login]))).commands.filter((line) => line.startsWith('RCPT'))
    expect(await recipientsOf(odd.email)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(`mike@${aLabel}`)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(plain.email)).toEqual([`RCPT TO:<${plain.email}>`])
  })

  test('C2: the letter goes to the address as stored, not as typed', async () => {
    const tag = newTag()
    const person = await app.addPerson({ email: `Mike.${tag}@Example.COM` })
    const out = await during(() => askWith([`mIKE.${tag.toUpperCase()}@eXAMPLE.com`]))
    expect(out.recipients).toEqual([person.email.replace('Example.COM', 'example.com')])
    expect(sink.letters.at(-1)!.raw.toString()).not.toMatch(/mIKE|eXAMPLE/)
  })

  test('C3 (CVE-2024-27295): addresses and usernames are compared under deterministic collations', async () => {
    const { rows } = await app.sql.query<{ name: string; deterministic: boolean | null }>(
      `SELECT a.attname AS "name", l.collisdeterministic AS "deterministic"
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relname IN ('users', 'users_email_folded_idx', 'users_username_key')
          AND a.attnum > 0 AND a.attcollation <> 0`,
    )
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['username', 'email', 'lower']))
    expect(rows.filter(({ deterministic }) => deterministic !== true)).toEqual([])
  })

  // The users table may belong to another application one day, and its columns may sort as they like.
  test('C3: even a column that ignores accents and case names nobody else', async (context) => {
    if (app.database.kind === 'embedded') return context.skip('PGlite has no ICU collations')
    const tag = newTag()
    const ignoring = 'und-u-ks-level1'
    await app.sql.query(`CREATE COLLATION IF NOT EXISTS careless
      (provider = icu, locale = '${ignoring}', deterministic = false)`)
    await app.sql.query('ALTER TABLE "users" ALTER COLUMN "email" TYPE text COLLATE careless')
    await app.sql.query('ALTER TABLE "users" ALTER COLUMN "username" TYPE text COLLATE careless')
    const person = await app.addPerson({ username: `julian-${tag}`, email: `julian.${tag}@cure53.example` })
    const alike = await app.sql.query('SELECT FROM "users" WHERE "email" = $1 AND "username" = $2', [
      `j\u00fclian.${tag}@c\u00fcre53.example`,
      `J\u00dcLIAN-${tag}`,
    ])
    expect(alike.rowCount).toBe(1) // the database is taken in, so that what follows can fail
    const typed = [
      `julian.${tag}@c\u00fcre53.example`,
      `j\u00fclian.${tag}@cure53.example`,
      `j\u00fclian-${tag}`,
    ]
    expect(await during(() => askWith([...typed, `JULIAN-${tag}`]))).toEqual(silence)
    expect((await during(() => askWith([person.username]))).recipients).toEqual([person.email])
  })
})

describe('C4 (CVE-2022-35924, GHSA-xv97-c62v-4587), C5 (CVE-2025-13033, GHSA-mm7p-fcc7-pg87, GHSA-5jpx-9hw9-2fx4), C6 (GHSA-7rqj-j65f-68wh), C7: one text, two readings', () => {
  const spellings = (victim: string): string[] => {
    const [local, domain] = victim.split('@') as [string, string]
    return [
      // C4: lists
      `${victim},${evil}`,
      `${evil},${victim}`,
      `${victim}, ${evil}`,
      `${victim};${evil}`,
      `${victim} ${evil}`,
      `${victim}\t${evil}`,
      `${victim}%2c${evil}`,
      `${victim}%20${evil}`,
      `${victim}%00${evil}`,
      `${victim}%0a${evil}`,
      `${victim}|${evil}`,
      `${victim}&email=${evil}`,
      `["${victim}","${evil}"]`,
      `{"${victim}"}`,
      `friends:${victim},${evil};`,
      `friends:${evil};`,
      // C5: quotes, comments, routes, display names
      `"${evil}"@${domain}`,
      `"${evil} x"@${domain}`,
      `"${evil}\\"@x"@${domain}`,
      `"${local}"@${domain}`,
      `${local}\\@evil.example@${domain}`,
      `${local}@evil.example@${domain}`,
      `${victim}@evil.example`,
      `${local}(${evil})@${domain}`,
      `${local}@${domain}(${evil})`,
      `${victim} <${evil}>`,
      `${evil} <${victim}>`,
      `"${victim}" <${evil}>`,
      `<${victim}>`,
      `<${victim}><${evil}>`,
      `@evil.example:${victim}`,
      `@evil.example,@x:${victim}`,
      `${local}@${domain}.`,
      `${local}@.${domain}`,
      `.${victim}`,
      // C6: characters that become another one, or none, when a mail program or a database normalises them
      `${local}\uff20${domain}`,
      `${local}\ufe6b${domain}`,
      `${local}\uff20${domain}@evil.example`,
      `${victim}\uff0c${evil}`,
      `${local}\u200b@${domain}`,
      `${local}@\u200b${domain}`,
      `\ufeff${victim}`,
      `${local}\u0301@${domain}`,
      `${local}\u034f@${domain}`,
      `${local}\u00ad@${domain}`,
      `${local}@${domain.replace('.', '\u3002')}`,
      `${local}@${domain.replace('.', '\uff0e')}`,
      `${local}@${domain.replace(/^(.)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)}`,
      `\u202e${victim}`,
      // C7: line ends of any kind, and options to a program
      `${victim}\r\nRCPT TO:<${evil}>`,
      `${victim}>\r\nRCPT TO:<${evil}`,
      `${victim}\nBcc: ${evil}`,
      `${victim}\rBcc: ${evil}`,
      `${victim}\u0085Bcc: ${evil}`,
      `${victim}\u2028Bcc: ${evil}`,
      `${victim}\u2029Bcc: ${evil}`,
      `${victim}\u000bBcc: ${evil}`,
      `${victim}\r\n\r\n${evil}`,
      `${victim} -oQ/tmp -X/tmp/x`,
      `-f${victim}`,
      `--${victim}`,
    ]
  }

  /** Addresses of one reading, odd as they are: what stands left of the one @ is the business of the host right of it. */
  const oddities = (victim: string): string[] => {
    const [local, domain] = victim.split('@') as [string, string]
    return [
      `${local}%evil.example@${domain}`,
      `evil.example!${victim}`,
      `${local}=40evil.example@${domain}`,
      `=?utf-8?q?${local}=40evil.example=3e=00?=@${domain}`,
    ]
  }

  test('typed, it is answered as ever and brings no letter to anybody', async () => {
    const victim = await app.addPerson()
    const typed = [...spellings(victim.email), ...oddities(victim.email)]
    expect(await during(() => askWith(typed))).toEqual(silence)
    expect((await during(() => askWith([victim.email]))).recipients).toEqual([victim.email])
  })

  test('typed with white space around it, it is the address itself, and no line end gets further', async () => {
    const victim = await app.addPerson()
    const out = await during(() => askWith([`\r\n ${victim.email}\u2028`, `\u0085${victim.email}\n`]))
    expect(out.recipients).toEqual([victim.email, victim.email])
    expect(out.commands.filter((line) => !/^(MAIL FROM:<|RCPT TO:<|DATA$)/.test(line))).toEqual([])
  })

  test('C4: U+0000 and half of a surrogate pair are refused', async () => {
    const victim = await app.addPerson()
    expect(await ask({ login: `${victim.email}\0${evil}` })).toEqual([
      400,
      { login: ['Null characters are not allowed.'] },
    ])
    expect(await ask(`{"login":"${victim.email}\\ud800"}`)).toEqual([
      400,
      { login: ['Surrogate characters are not allowed: U+D800.'] },
    ])
  })

  test('stored, it gets no letter about a link and none about a change; nothing is said to the mail server', async () => {
    const people: Person[] = []
    for (const spelling of spellings(`jane-${newTag()}@example.com`)) {
      people.push(await app.addPerson({ email: spelling }))
    }
    const asked = await during(() => askWith(people.map(({ username }) => username)))
    expect(asked).toEqual(silence)

    // Their links exist all the same, say in a letter from before the address was spoilt.
    const some = people.filter((_, at) => at % 8 === 0)
    const changed = await during(async () => {
      for (const person of some) {
        const link = await signedLinks(app).linkOf(person)
        const answer = await app.post('reset-password', { ...link, password: newPassword() })
        expect([person.email, answer.status]).toEqual([person.email, 200])
      }
    })
    expect(changed).toEqual(silence)
    expect(await outcomes(people.map(({ id }) => id))).toEqual(['failed'])
  })

  test('C5: stored, an address of one reading goes over the wire byte by byte', async () => {
    const emails = oddities(`jane-${newTag()}@example.com`)
    const people = await Promise.all(emails.map((email) => app.addPerson({ email })))
    const out = await during(() => askWith(people.map(({ username }) => username)))
    expect(out.commands.filter((line) => line.startsWith('RCPT')).sort()).toEqual(
      emails.map((email) => `RCPT TO:<${email}>`).sort(),
    )
  })

  test.each([
    ['groups', 'a:', ';'],
    ['comments', '(', ')'],
    ['angle brackets', '<', '>'],
    ['quotes', '"\\', '"'],
    ['lists', 'a@b,', ''],
    ['routes', '@a,', ':'],
  ])(
    'C5 (CVE-2025-14874): ten thousand nested %s are answered at once, typed or stored, and mailed nowhere',
    async (_what, open, close) => {
      const victim = await app.addPerson()
      const deep = (bytes: number) => {
        const times = Math.floor(bytes / (open.length + close.length))
        return `${open.repeat(times)}${victim.email}${close.repeat(times)}`
      }
      const stored = await app.addPerson({ email: deep(10_000 * (open.length + close.length)) })
      const out = await during(async () => {
        const plain = await timed(() => ask({ login: 'nobody' }))
        const nested = await timed(() => askWith([deep(8_000), `"${deep(7_000)}`]))
        expect(nested - plain).toBeLessThan(500)
        await askWith([stored.username])
      })
      expect(out).toEqual(silence)
    },
  )
})

describe('C7 (CVE-2020-7769, CVE-2021-23400, CVE-2015-5144, CVE-2021-32052, GHSA-c7w3-x93f-qmm8, GHSA-vvjj-xcjg-gr5g, GHSA-268h-hp4c-crq3): line ends', () => {
  const breaks = ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u2029', '\u000b', '\u000c']

  test('in names make no header, no command and no recipient', async () => {
    const attack = (line: string) =>
      [`Jane`, `Bcc: ${evil}`, '', '.', `MAIL FROM:<${evil}>`, `RCPT TO:<${evil}>`, 'DATA'].join(line)
    const people = await Promise.all(
      breaks.map((line) => {
        const tag = newTag()
        const named: NewPerson = {
          username: `${tag}${attack(line)}`,
          firstName: attack(line),
          lastName: attack(line),
          email: `jane-${tag}@example.com`,
        }
        return app.addPerson(named)
      }),
    )
    const out = await during(() => askWith(people.map(({ username }) => username)))
    expect(out.recipients.sort()).toEqual(people.map(({ email }) => email).sort())
    expect(out.commands.sort()).toEqual(
      people
        .flatMap(({ email }) => ['MAIL FROM:<no-reply@rekey.example>', `RCPT TO:<${email}>`, 'DATA'])
        .sort(),
    )
    for (const { email } of people) {
      const { mail } = await sink.next(email)
      expect(mail.headerLines.map(({ key }) => key).sort()).toEqual(
        [
          'auto-submitted',
          'content-type',
          'date',
          'from',
          'message-id',
          'mime-version',
          'subject',
          'to',
        ].sort(),
      )
      expect(mail.subject).not.toContain('evil')
    }
  })

  test('in a language, a client or a request header reach no letter', async () => {
    const person = await app.addPerson({ locale: `de\r\nBcc: ${evil}` })
    const out = await during(() =>
      app.post(
        'send-reset-password-link',
        { login: person.username },
        { 'Accept-Language': `de%0d%0aBcc: ${evil}`, 'User-Agent': `x%0aBcc: ${evil}` },
      ),
    )
    expect(out.recipients).toEqual([person.email])
    expect(wire.lines.filter((line) => /^bcc/i.test(line))).toEqual([])
  })
})

describe('M6: jobs that nobody of ours has written', () => {
  const queue = () => createQueue(app.sql)
  const add = (name: string, data: unknown) => queue().add(name as 'send-letter', data as never)
  const genuine = (accountId: unknown) => ({
    accountId,
    askedAt: Math.floor(Date.now() / 1000),
    locale: 'en',
    requestId: 'r',
    pauseExempt: false,
  })

  test('C4, C7, M6: what is no job is given up at once, and the log tells of it', async () => {
    const victim = await app.addPerson()
    const poison: [string, unknown][] = [
      ['send-letter', genuine(`${victim.email},${evil}`)],
      ['send-letter', genuine(`${victim.id}\r\nRCPT TO:<${evil}>`)],
      ['send-letter', genuine([victim.id, evil])],
      ['send-letter', genuine({ id: victim.id, email: evil })],
      ['send-letter', genuine(null)],
      ['send-letter', {}],
      ['send-letter', { ...genuine(victim.id), askedAt: `1\r\nBcc: ${evil}` }],
      ['send-letter', { ...genuine(victim.id), askedAt: null }],
      ['send-letter', { ...genuine(victim.id), askedAt: -1 }],
      ['send-letter', { ...genuine(victim.id), askedAt: 1e300 }],
      ['send-letter', { ...genuine(victim.id), askedAt: 0.5 }],
      ['send-links', { ...genuine(victim.id), asked: { login: [victim.email, evil] }, client: 'x' }],
      ['send-links', { ...genuine(victim.id), asked: { accountId: evil }, client: 'x' }],
      ['send-links', { ...genuine(victim.id), asked: null, client: 'x' }],
      ['send-links', {}],
      ['send-changed-letter', { ...genuine(`${victim.id},${evil}`), client: `x\r\nBcc: ${evil}` }],
      ['send-changed-letter', {}],
      ['tell-password-changed', { accountId: evil, username: 7, requestId: null }],
    ]
    const before = await failedJobs()
    expect(
      await during(async () => {
        for (const [name, data] of poison) await add(name, data)
      }),
    ).toEqual(silence)
    expect((await failedJobs()) - before).toBe(poison.length)
    expect(app.output().match(/"event":"job_malformed"/g)).toHaveLength(poison.length)
    expect(app.output()).not.toContain('evil.example')
  })

  test('C1, M6: a recipient, a link or a sender in a job goes unread', async () => {
    const victim = await app.addPerson()
    const beside = {
      to: evil,
      email: evil,
      from: evil,
      link: `https://evil.example/`,
      locale: 'xx',
      envelope: evil,
    }
    const asked = { login: victim.email, email: evil, to: [evil] }
    const out = await during(async () => {
      await add('send-letter', { ...genuine(victim.id), ...beside })
      await add('send-links', { ...genuine(victim.id), ...beside, asked, client: evil })
    })
    expect(out.recipients).toEqual([victim.email, victim.email])
    for (const { raw } of sink.letters.slice(-2)) expect(raw.toString()).not.toContain('evil.example')
  })

  test('C4: an asking job that names a list finds nobody', async () => {
    const victim = await app.addPerson()
    const out = await during(async () => {
      for (const login of spellings(victim.email)) {
        await add('send-links', { ...genuine(victim.id), asked: { login }, client: '127.0.0.1' })
      }
    })
    expect(out).toEqual(silence)
  })

  const spellings = (victim: string) => [
    `${victim},${evil}`,
    `${victim}\r\nRCPT TO:<${evil}>`,
    `"${evil}"@example.com`,
  ]
})

let tags = 0
function newTag(): string {
  tags += 1
  return `${tags}${process.pid.toString(36)}${Date.now().toString(36)}`
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}

/** How the letters to these accounts ended, each way once. */
async function outcomes(accountIds: string[]): Promise<string[]> {
  const { rows } = await app.sql.query<{ state: string }>(
    `SELECT DISTINCT state::text FROM pgboss.job WHERE name IN ('send-letter', 'send-changed-letter')
        AND data ->> 'accountId' = ANY ($1)`,
    [accountIds],
  )
  return rows.map(({ state }) => state)
}

async function failedJobs(): Promise<number> {
  const { rows } = await app.sql.query<{ failed: string }>(
    `SELECT count(*) AS "failed" FROM pgboss.job WHERE state = 'failed'`,
  )
  return Number(rows[0]!.failed)
}

/** Accounts with these addresses, all in one go. */
async function store(sql: pg.Pool, emails: string[]): Promise<void> {
  await sql.query(
    `INSERT INTO "users" ("id", "username", "email", "password")
     SELECT gen_random_uuid(), 'stored-' || gen_random_uuid(), "email", 'nobody''s hash' FROM unnest($1::text[]) AS "email"`,
    [emails],
  )
}

/** The characters that a change of case folds, and some of the others; all of them take half a minute. */
function isWorthTrying(character: string, at: number): boolean {
  return /[a-z]/i.test(character.toLowerCase() + character.toUpperCase()) || at % 12 === 0
}

/** Does something for each item, `width` of them at a time. */
async function mapInTurn<Item, Result>(
  width: number,
  items: Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  let next = 0
  const runner = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await act(items[at]!)
  }
  await Promise.all(Array.from({ length: width }, runner))
  return results
}

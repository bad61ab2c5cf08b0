import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, type NewPerson, type Person } from '@/e2e/support/running-app'
import { evil, newTag, silence, startOverheardApp, type OverheardApp } from '@/e2e/support/overheard-app'

// Addresses that two programs read in two ways. Whatever was typed or is stored, an email goes to the one stored address
// of an account, or nowhere; so "nowhere" is what most of this file shows, on the wire to the mail server.

let overheard: OverheardApp
beforeAll(async () => void (overheard = await startOverheardApp()))
afterAll(() => overheard?.stop())

describe('one text, two readings [C4, CVE-2022-35924, GHSA-xv97-c62v-4587, C5, CVE-2025-13033, GHSA-mm7p-fcc7-pg87, GHSA-5jpx-9hw9-2fx4, C6, GHSA-7rqj-j65f-68wh, C7]', () => {
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
      `${local}e\u0301@${domain}`,
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

  test('typed, it is answered as ever and brings no email to anybody', async () => {
    const victim = await overheard.app.addPerson()
    const typed = [...spellings(victim.email), ...oddities(victim.email)]
    expect(await overheard.during(() => overheard.requestWith(typed))).toEqual(silence)
    expect((await overheard.during(() => overheard.requestWith([victim.email]))).recipients).toEqual([
      victim.email,
    ])
  })

  test('typed with white space around it, it is the address itself, and no line end gets further', async () => {
    const victim = await overheard.app.addPerson()
    const out = await overheard.during(() =>
      overheard.requestWith([`\r\n ${victim.email}\u2028`, `\u0085${victim.email}\n`]),
    )
    expect(out.recipients).toEqual([victim.email, victim.email])
    expect(out.commands.filter((line) => !/^(MAIL FROM:<|RCPT TO:<|DATA$)/.test(line))).toEqual([])
  })

  test('U+0000 and half of a surrogate pair are refused [C4]', async () => {
    const victim = await overheard.app.addPerson()
    expect(await overheard.ask({ login: `${victim.email}\0${evil}` })).toEqual([
      400,
      { login: ['Null characters are not allowed.'] },
    ])
    expect(await overheard.ask(`{"login":"${victim.email}\\ud800"}`)).toEqual([
      400,
      { login: ['Surrogate characters are not allowed: U+D800.'] },
    ])
  })

  test('stored, it gets no email about a link and none about a change; nothing is said to the mail server', async () => {
    const people: Person[] = []
    for (const spelling of spellings(`jane-${newTag()}@example.com`)) {
      people.push(await overheard.app.addPerson({ email: spelling }))
    }
    const asked = await overheard.during(() => overheard.requestWith(people.map(({ username }) => username)))
    expect(asked).toEqual(silence)

    // Their links exist all the same, say in an email from before the address was spoilt.
    const some = people.filter((_, at) => at % 8 === 0)
    const changed = await overheard.during(async () => {
      for (const person of some) {
        const link = await signedLinks(overheard.app).linkOf(person)
        const answer = await overheard.app.post('reset-password', { ...link, password: newPassword() })
        expect([person.email, answer.status]).toEqual([person.email, 200])
      }
    })
    expect(changed).toEqual(silence)
    expect(await outcomes(people.map(({ id }) => id))).toEqual(['failed'])
  })

  test('stored, an address of one reading goes over the wire byte by byte [C5]', async () => {
    const emails = oddities(`jane-${newTag()}@example.com`)
    const people = await Promise.all(emails.map((email) => overheard.app.addPerson({ email })))
    const out = await overheard.during(() => overheard.requestWith(people.map(({ username }) => username)))
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
    'ten thousand nested %s are answered at once, typed or stored, and mailed nowhere [C5, CVE-2025-14874]',
    async (_what, open, close) => {
      const victim = await overheard.app.addPerson()
      const deep = (bytes: number) => {
        const times = Math.floor(bytes / (open.length + close.length))
        return `${open.repeat(times)}${victim.email}${close.repeat(times)}`
      }
      const stored = await overheard.app.addPerson({ email: deep(10_000 * (open.length + close.length)) })
      const out = await overheard.during(async () => {
        const plain = await timed(() => overheard.ask({ login: 'nobody' }))
        const nested = await timed(() => overheard.requestWith([deep(8_000), `"${deep(7_000)}`]))
        expect(nested - plain).toBeLessThan(500)
        await overheard.requestWith([stored.username])
      })
      expect(out).toEqual(silence)
    },
  )
})

describe('line ends [C7, CVE-2020-7769, CVE-2021-23400, CVE-2015-5144, CVE-2021-32052, GHSA-c7w3-x93f-qmm8, GHSA-vvjj-xcjg-gr5g, GHSA-268h-hp4c-crq3]', () => {
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
        return overheard.app.addPerson(named)
      }),
    )
    const out = await overheard.during(() => overheard.requestWith(people.map(({ username }) => username)))
    expect(out.recipients.sort()).toEqual(people.map(({ email }) => email).sort())
    expect(out.commands.sort()).toEqual(
      people
        .flatMap(({ email }) => ['MAIL FROM:<no-reply@rekey.example>', `RCPT TO:<${email}>`, 'DATA'])
        .sort(),
    )
    for (const { email } of people) {
      const { mail } = await overheard.sink.next(email)
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
    const person = await overheard.app.addPerson({ locale: `de\r\nBcc: ${evil}` })
    const out = await overheard.during(() =>
      overheard.app.post(
        'send-reset-password-link',
        { login: person.username },
        { 'Accept-Language': `de%0d%0aBcc: ${evil}`, 'User-Agent': `x%0aBcc: ${evil}` },
      ),
    )
    expect(out.recipients).toEqual([person.email])
    expect(overheard.wire.lines.filter((line) => /^bcc/i.test(line))).toEqual([])
  })
})

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}

/** How the emails to these accounts ended, each way once. */
async function outcomes(accountIds: string[]): Promise<string[]> {
  const { rows } = await overheard.app.sql.query<{ state: string }>(
    `SELECT DISTINCT state::text FROM rekey_queue.job WHERE name IN ('link-email', 'changed-email')
        AND data ->> 'accountId' = ANY ($1)`,
    [accountIds],
  )
  return rows.map(({ state }) => state)
}

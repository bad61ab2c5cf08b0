import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, type NewPerson, type Person } from '@/e2e/support/running-app'
import { newTag } from '@/e2e/support/new-tag'
import { evil, nothingSent, startObservedApp, type ObservedApp } from '@/e2e/support/observed-app'

// Addresses that two programs may parse differently: an email must go to the stored address of an account, or nowhere.

let observed: ObservedApp
beforeAll(async () => void (observed = await startObservedApp()))
afterAll(() => observed?.stop())

describe('ambiguous addresses [C4, CVE-2022-35924, GHSA-xv97-c62v-4587, C5, CVE-2025-13033, GHSA-mm7p-fcc7-pg87, GHSA-5jpx-9hw9-2fx4, C6, GHSA-7rqj-j65f-68wh, C7]', () => {
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
      // C7: line ends, and options to a program
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

  /** Unusual but unambiguous addresses: only the host right of the one @ interprets the rest. */
  const unusual = (victim: string): string[] => {
    const [local, domain] = victim.split('@') as [string, string]
    return [
      `${local}%evil.example@${domain}`,
      `evil.example!${victim}`,
      `${local}=40evil.example@${domain}`,
      `=?utf-8?q?${local}=40evil.example=3e=00?=@${domain}`,
    ]
  }

  test('an ambiguous address as a login gets the ordinary response and sends no email', async () => {
    const victim = await observed.app.addPerson()
    const typed = [...spellings(victim.email), ...unusual(victim.email)]
    expect(await observed.during(() => observed.requestWith(typed))).toEqual(nothingSent)
    expect((await observed.during(() => observed.requestWith([victim.email]))).recipients).toEqual([
      victim.email,
    ])
  })

  test('an address with white space and line ends around it finds its account, and the mail server gets no line end', async () => {
    const victim = await observed.app.addPerson()
    const out = await observed.during(() =>
      observed.requestWith([`\r\n ${victim.email}\u2028`, `\u0085${victim.email}\n`]),
    )
    expect(out.recipients).toEqual([victim.email, victim.email])
    expect(out.commands.filter((line) => !/^(MAIL FROM:<|RCPT TO:<|DATA$)/.test(line))).toEqual([])
  })

  test('a login with U+0000 or half of a surrogate pair is rejected [C4]', async () => {
    const victim = await observed.app.addPerson()
    expect(await observed.requestLink({ login: `${victim.email}\0${evil}` })).toEqual([
      400,
      { login: ['Null characters are not allowed.'] },
    ])
    expect(await observed.requestLink(`{"login":"${victim.email}\\ud800"}`)).toEqual([
      400,
      { login: ['Surrogate characters are not allowed: U+D800.'] },
    ])
  })

  test('an account with an ambiguous stored address gets no email, and the mail server no command', async () => {
    const people: Person[] = []
    for (const spelling of spellings(`jane-${newTag()}@example.com`)) {
      people.push(await observed.app.addPerson({ email: spelling }))
    }
    const requested = await observed.during(() =>
      observed.requestWith(people.map(({ username }) => username)),
    )
    expect(requested).toEqual(nothingSent)

    // A link may exist from before the address was changed.
    const some = people.filter((_, at) => at % 8 === 0)
    const changed = await observed.during(async () => {
      for (const person of some) {
        const link = await signedLinks(observed.app).linkOf(person)
        const response = await observed.app.post('reset-password', { ...link, password: newPassword() })
        expect([person.email, response.status]).toEqual([person.email, 200])
      }
    })
    expect(changed).toEqual(nothingSent)
    expect(await outcomes(people.map(({ id }) => id))).toEqual(['failed'])
  })

  test('an unusual but unambiguous stored address reaches the mail server unchanged [C5]', async () => {
    const emails = unusual(`jane-${newTag()}@example.com`)
    const people = await Promise.all(emails.map((email) => observed.app.addPerson({ email })))
    const out = await observed.during(() => observed.requestWith(people.map(({ username }) => username)))
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
    'an address with thousands of nested %s gets its response quickly, and sends no email [C5, CVE-2025-14874]',
    async (_what, open, close) => {
      const victim = await observed.app.addPerson()
      const deep = (bytes: number) => {
        const times = Math.floor(bytes / (open.length + close.length))
        return `${open.repeat(times)}${victim.email}${close.repeat(times)}`
      }
      const stored = await observed.app.addPerson({ email: deep(10_000 * (open.length + close.length)) })
      const out = await observed.during(async () => {
        const plain = await timed(() => observed.requestLink({ login: 'nobody' }))
        const nested = await timed(() => observed.requestWith([deep(8_000), `"${deep(7_000)}`]))
        expect(nested - plain).toBeLessThan(500)
        await observed.requestWith([stored.username])
      })
      expect(out).toEqual(nothingSent)
    },
  )
})

describe('line ends in values [C7, CVE-2020-7769, CVE-2021-23400, CVE-2015-5144, CVE-2021-32052, GHSA-c7w3-x93f-qmm8, GHSA-vvjj-xcjg-gr5g, GHSA-268h-hp4c-crq3]', () => {
  const breaks = ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u2029', '\u000b', '\u000c']

  test('line ends in usernames and names add no header, command or recipient', async () => {
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
        return observed.app.addPerson(named)
      }),
    )
    const out = await observed.during(() => observed.requestWith(people.map(({ username }) => username)))
    expect(out.recipients.sort()).toEqual(people.map(({ email }) => email).sort())
    expect(out.commands.sort()).toEqual(
      people
        .flatMap(({ email }) => ['MAIL FROM:<no-reply@rekey.example>', `RCPT TO:<${email}>`, 'DATA'])
        .sort(),
    )
    for (const { email } of people) {
      const { mail } = await observed.sink.next(email)
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

  test('line ends in a stored language or in a request header do not reach the email', async () => {
    const person = await observed.app.addPerson({ locale: `de\r\nBcc: ${evil}` })
    const out = await observed.during(() =>
      observed.app.post(
        'send-reset-password-link',
        { login: person.username },
        { 'Accept-Language': `de%0d%0aBcc: ${evil}`, 'User-Agent': `x%0aBcc: ${evil}` },
      ),
    )
    expect(out.recipients).toEqual([person.email])
    expect(observed.wire.lines.filter((line) => /^bcc/i.test(line))).toEqual([])
  })
})

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}

async function outcomes(accountIds: string[]): Promise<string[]> {
  const { rows } = await observed.app.sql.query<{ state: string }>(
    `SELECT DISTINCT state::text FROM rekey_queue.job WHERE name IN ('link-email', 'changed-email')
        AND data ->> 'accountId' = ANY ($1)`,
    [accountIds],
  )
  return rows.map(({ state }) => state)
}

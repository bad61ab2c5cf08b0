import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { foldings } from '@/e2e/support/look-alikes'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { newTag } from '@/e2e/support/new-tag'
import { nothingSent, startObservedApp, type ObservedApp } from '@/e2e/support/observed-app'

let observed: ObservedApp
beforeAll(async () => void (observed = await startObservedApp()))
afterAll(() => observed?.stop())

describe('addresses that look alike or are sorted alike [C2, CVE-2019-19844, C3, CVE-2024-27295, GHSA-qw9g-7549-7wg5]', () => {
  const similarTexts = [
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

  test('a look-alike of an account’s domain, local part or username finds no account', async () => {
    const own: string[] = []
    const lookAlikes: string[] = []
    for (const [likeness, plain] of similarTexts) {
      const tag = newTag()
      const logins = (text: string) => [`mike@${text}-${tag}.example`, `${text}.${tag}@example.com`]
      own.push(...logins(plain), `${plain}-${tag}`)
      lookAlikes.push(...logins(likeness), `${likeness}-${tag}`)
    }
    const emails = await Promise.all(
      own.map(
        async (login) =>
          (await observed.app.addPerson(login.includes('@') ? { email: login } : { username: login })).email,
      ),
    )
    expect(await observed.during(() => observed.requestWith(lookAlikes))).toEqual(nothingSent)
    expect((await observed.during(() => observed.requestWith(own))).recipients.sort()).toEqual(emails.sort())
  })

  test('two accounts with look-alike addresses each get only their own emails [C2]', async () => {
    const tag = newTag()
    const lookAlike = await observed.app.addPerson({ email: `mike@g\u0131thub-${tag}.example` })
    const plain = await observed.app.addPerson({ email: `mike@github-${tag}.example` })
    const aLabel = new URL(`http://${lookAlike.email.split('@')[1]}`).hostname
    const recipientsOf = async (login: string) =>
      (await observed.during(() => observed.requestWith([login]))).commands.filter((line) =>
        line.startsWith('RCPT'),
      )
    expect(await recipientsOf(lookAlike.email)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(`mike@${aLabel}`)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(plain.email)).toEqual([`RCPT TO:<${plain.email}>`])
  })

  test('an email goes to the address as it is stored, not as it was typed [C2]', async () => {
    const tag = newTag()
    const person = await observed.app.addPerson({ email: `Mike.${tag}@Example.COM` })
    const out = await observed.during(() => observed.requestWith([`mIKE.${tag.toUpperCase()}@eXAMPLE.com`]))
    expect(out.recipients).toEqual([person.email.replace('Example.COM', 'example.com')])
    expect(observed.sink.emails.at(-1)!.raw.toString()).not.toMatch(/mIKE|eXAMPLE/)
  })

  // The users table may belong to another application, which chooses its collations.
  test('a look-alike finds no account even if the columns ignore accents and case [C3]', async (context) => {
    if (observed.app.database.kind === 'embedded') return context.skip('PGlite has no ICU collations')
    const tag = newTag()
    const ignoring = 'und-u-ks-level1'
    await observed.app.sql.query(`CREATE COLLATION IF NOT EXISTS careless
      (provider = icu, locale = '${ignoring}', deterministic = false)`)
    await observed.app.sql.query(
      'ALTER TABLE "rekey"."users" ALTER COLUMN "email" TYPE text COLLATE careless',
    )
    await observed.app.sql.query(
      'ALTER TABLE "rekey"."users" ALTER COLUMN "username" TYPE text COLLATE careless',
    )
    const person = await observed.app.addPerson({
      username: `julian-${tag}`,
      email: `julian.${tag}@cure53.example`,
    })
    const found = await observed.app.sql.query(
      'SELECT FROM "rekey"."users" WHERE "email" = $1 AND "username" = $2',
      [`j\u00fclian.${tag}@c\u00fcre53.example`, `J\u00dcLIAN-${tag}`],
    )
    expect(found.rowCount).toBe(1) // The database confuses them, so the expectations below can fail.
    const typed = [
      `julian.${tag}@c\u00fcre53.example`,
      `j\u00fclian.${tag}@cure53.example`,
      `j\u00fclian-${tag}`,
    ]
    expect(await observed.during(() => observed.requestWith([...typed, `JULIAN-${tag}`]))).toEqual(
      nothingSent,
    )
    expect((await observed.during(() => observed.requestWith([person.username]))).recipients).toEqual([
      person.email,
    ])
  })

  // Here the response shows whether an account was found, so that many addresses can be tried.
  describe('settings that rename the field to email and reveal unknown accounts', () => {
    let strict: RunningApp
    beforeAll(async () => {
      strict = await startApp({
        env: {
          SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: 'true',
          RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
          LIMIT_EMAILS_PER_ACCOUNT: '1/1h',
        },
      })
    })
    afterAll(() => strict?.stop())

    test('an address with a character that only folds to ASCII letters does not find the ASCII address [C2, CVE-2019-19844, C6]', async () => {
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
      const responses = await mapInTurn(16, typed, found)
      expect(typed.filter((_, at) => responses[at]?.code !== 'user-not-found')).toEqual([])
    })

    test('an ASCII address does not find an account whose address only looks like it [C2]', async () => {
      const { lookAlikes, plain } = foldings()
      await store(
        strict.sql,
        lookAlikes.flatMap((like) => [`b${like}z@example.com`, `mike@b${like}z.example`]),
      )
      const typed = plain.flatMap((letters) => [`b${letters}z@example.com`, `mike@b${letters}z.example`])
      const statuses = await mapInTurn(
        16,
        typed,
        async (email) => (await strict.post('send-reset-password-link', { email })).status,
      )
      expect(typed.filter((_, at) => statuses[at] !== 400)).toEqual([])
    })
  })
})

async function store(sql: pg.Pool, emails: string[]): Promise<void> {
  await sql.query(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "password")
     SELECT gen_random_uuid(), 'stored-' || gen_random_uuid(), "email", 'nobody''s hash' FROM unnest($1::text[]) AS "email"`,
    [emails],
  )
}

/** Characters that a change of case affects, and one in twelve of the others, because all of them take too long. */
function isWorthTrying(character: string, at: number): boolean {
  return /[a-z]/i.test(character.toLowerCase() + character.toUpperCase()) || at % 12 === 0
}

/** Calls `act` for each item, at most `width` at a time. */
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

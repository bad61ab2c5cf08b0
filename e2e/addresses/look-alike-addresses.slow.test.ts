import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { foldings } from '@/e2e/support/look-alikes'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { newTag, silence, startOverheardApp, type OverheardApp } from '@/e2e/support/overheard-app'

// Addresses that a person or a database takes for another one.

let overheard: OverheardApp
beforeAll(async () => void (overheard = await startOverheardApp()))
afterAll(() => overheard?.stop())

describe('addresses that look or sort alike [C2, CVE-2019-19844, C3, CVE-2024-27295, GHSA-qw9g-7549-7wg5]', () => {
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

  test('in the domain, in front of it and as a username, what looks like another account’s finds no account', async () => {
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
          (await overheard.app.addPerson(login.includes('@') ? { email: login } : { username: login })).email,
      ),
    )
    expect(await overheard.during(() => overheard.requestWith(odd))).toEqual(silence)
    expect((await overheard.during(() => overheard.requestWith(own))).recipients.sort()).toEqual(
      emails.sort(),
    )
  })

  test('where both mailboxes have accounts, each gets its own email and no other [C2]', async () => {
    const tag = newTag()
    const odd = await overheard.app.addPerson({ email: `mike@g\u0131thub-${tag}.example` })
    const plain = await overheard.app.addPerson({ email: `mike@github-${tag}.example` })
    const aLabel = new URL(`http://${odd.email.split('@')[1]}`).hostname
    const recipientsOf = async (login: string) =>
      (await overheard.during(() => overheard.requestWith([login]))).commands.filter((line) =>
        line.startsWith('RCPT'),
      )
    expect(await recipientsOf(odd.email)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(`mike@${aLabel}`)).toEqual([`RCPT TO:<mike@${aLabel}>`])
    expect(await recipientsOf(plain.email)).toEqual([`RCPT TO:<${plain.email}>`])
  })

  test('the email goes to the address as stored, not as typed [C2]', async () => {
    const tag = newTag()
    const person = await overheard.app.addPerson({ email: `Mike.${tag}@Example.COM` })
    const out = await overheard.during(() => overheard.requestWith([`mIKE.${tag.toUpperCase()}@eXAMPLE.com`]))
    expect(out.recipients).toEqual([person.email.replace('Example.COM', 'example.com')])
    expect(overheard.sink.emails.at(-1)!.raw.toString()).not.toMatch(/mIKE|eXAMPLE/)
  })

  test('addresses and usernames are compared under deterministic collations [C3, CVE-2024-27295]', async () => {
    const { rows } = await overheard.app.sql.query<{ name: string; deterministic: boolean | null }>(
      `SELECT a.attname AS "name", l.collisdeterministic AS "deterministic"
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relname IN ('users', 'users_email_folded_idx', 'users_username_key')
          AND a.attnum > 0 AND a.attcollation <> 0`,
    )
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['username', 'email', 'lower']))
    expect(rows.filter(({ deterministic }) => deterministic !== true)).toEqual([])
  })

  // The users table may belong to another application one day, and its columns may sort as they like.
  test('even a column that ignores accents and case names nobody else [C3]', async (context) => {
    if (overheard.app.database.kind === 'embedded') return context.skip('PGlite has no ICU collations')
    const tag = newTag()
    const ignoring = 'und-u-ks-level1'
    await overheard.app.sql.query(`CREATE COLLATION IF NOT EXISTS careless
      (provider = icu, locale = '${ignoring}', deterministic = false)`)
    await overheard.app.sql.query(
      'ALTER TABLE "rekey"."users" ALTER COLUMN "email" TYPE text COLLATE careless',
    )
    await overheard.app.sql.query(
      'ALTER TABLE "rekey"."users" ALTER COLUMN "username" TYPE text COLLATE careless',
    )
    const person = await overheard.app.addPerson({
      username: `julian-${tag}`,
      email: `julian.${tag}@cure53.example`,
    })
    const alike = await overheard.app.sql.query(
      'SELECT FROM "rekey"."users" WHERE "email" = $1 AND "username" = $2',
      [`j\u00fclian.${tag}@c\u00fcre53.example`, `J\u00dcLIAN-${tag}`],
    )
    expect(alike.rowCount).toBe(1) // the database is taken in, so that what follows can fail
    const typed = [
      `julian.${tag}@c\u00fcre53.example`,
      `j\u00fclian.${tag}@cure53.example`,
      `j\u00fclian-${tag}`,
    ]
    expect(await overheard.during(() => overheard.requestWith([...typed, `JULIAN-${tag}`]))).toEqual(silence)
    expect((await overheard.during(() => overheard.requestWith([person.username]))).recipients).toEqual([
      person.email,
    ])
  })

  describe('where the field is called email and unknown accounts are told', () => {
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

    // Here the answer says whether an account was found, so that a great many can be tried.
    test('of all characters that fold to ASCII letters, none names an ASCII address [C2, CVE-2019-19844, C6]', async () => {
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

    test('nor does an ASCII address name an account whose address only looks like it [C2]', async () => {
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

/** Accounts with these addresses, all in one go. */
async function store(sql: pg.Pool, emails: string[]): Promise<void> {
  await sql.query(
    `INSERT INTO "rekey"."users" ("id", "username", "email", "password")
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

import type { RunningApp, Person } from '@/e2e/support/running-app'
import { newPassword } from '@/e2e/support/running-app'
import { expect, heading, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { savePassword } from '@/e2e/support/browser/steps'

test('a mail scanner that opens a link again and again, with and without scripts, changes nothing [T13]', async ({
  page,
  browser,
  request,
  app,
  says,
}) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person)
  const before = await storedFor(app, person)

  for (let visit = 0; visit < 10; visit += 1) {
    expect((await request.head(link)).status()).toBe(200)
    expect((await request.get(link)).status()).toBe(200)
  }
  const methods: string[] = []
  for (let visit = 0; visit < 3; visit += 1) {
    const scanner = await browser.newContext()
    scanner.on('request', (sent) => methods.push(sent.method()))
    const tab = await scanner.newPage()
    await tab.goto(link)
    await expect(heading(tab)).toHaveText(says.reset.title)
    await expect(tab).toHaveURL(`${app.url}/reset-password/`)
    await tab.waitForLoadState('networkidle')
    await scanner.close()
  }
  expect([...new Set(methods)]).toEqual(['GET'])
  expect(await storedFor(app, person)).toEqual(before)

  const password = newPassword()
  await page.goto(link)
  await savePassword(page, says, password)
  expect(await app.passwordIs(person, password)).toBe(true)
  // The comparison above can fail: a reset does change what is stored.
  expect(await storedFor(app, person)).not.toEqual(before)
})

async function storedFor({ sql }: RunningApp, { id }: Person): Promise<unknown> {
  const rowsOf = async (query: string) => (await sql.query(query, [id])).rows as unknown[]
  return {
    users: await rowsOf('SELECT * FROM "rekey"."users" WHERE "id" = $1'),
    recovery: await rowsOf('SELECT * FROM "rekey"."recovery" WHERE "account_id" = $1'),
    // The audit log records that the link was opened, which changes nothing else.
    audit: await rowsOf(
      `SELECT * FROM "rekey"."audit" WHERE "account_id" = $1 AND "event" <> 'authn_token_opened' ORDER BY "id"`,
    ),
    jobs: await rowsOf(
      `SELECT "name" FROM rekey_queue.job WHERE data::text LIKE '%' || $1 || '%' ORDER BY "created_on"`,
    ),
    limits: (await sql.query('SELECT count(*), sum("points") FROM "rekey"."limits"')).rows as unknown[],
  }
}

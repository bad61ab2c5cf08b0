import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type pg from 'pg'
import { openInstallation, type Installation } from '@/e2e/support/installation'
import { settled } from '@/e2e/support/settled-jobs'
import { newPassword } from '@/e2e/support/running-app'
import { quotedTableName } from '@/lib/accounts/check/grants'
import { tableUsesOf } from '@/lib/accounts/check/table-uses'
import { parseTableName, type UsersMapping } from '@/lib/accounts/users-table'
import { tag, type Account, type Accounts } from './accounts'
import { migrate } from '@/lib/setup/migrate'
import { inspectUsersTable } from '@/lib/setup/users-table'
import { accountsOf } from './accounts-by-preset'
import { mappings, type PresetName } from './mappings'
import { createPeerDatabase, type PeerDatabase } from './peer-database'
import { isAvailable } from './product'
import { post } from './reset-by-endpoint'
import { readDefinitions } from './rows'
import { reach, surroundings, type Reached, type Access } from './access'

export type Surrounding = PeerDatabase & {
  access: Access
  schema: string
  accounts: Accounts
  installation: Installation
}

/**
 * Declares the given tests of a preset, and common ones, for each kind of access.
 *
 * @param declare `isFirst` is true once, for tests that do not depend on the access
 */
export function inSurroundings(
  preset: PresetName,
  declare: (given: () => Surrounding, isFirst: boolean) => void,
): void {
  const { product, open } = accountsOf[preset]
  describe.runIf(isAvailable(product))(`the preset ${preset} on ${product}`, () => {
    let peer: PeerDatabase
    const opened: Record<string, Accounts> = {}
    let definitions: string[]
    beforeAll(async () => {
      peer = await createPeerDatabase()
      for (const schema of new Set(surroundings.map(({ schema }) => schema)))
        opened[schema] = await open(peer, schema)
      definitions = await readDefinitions(peer.sql, 'public')
      console.log(preset, await opened.public!.product.call('version'))
    })
    afterAll(async () => {
      for (const { product } of Object.values(opened)) product.stop()
      await peer?.close()
    })

    describe.each(surroundings)('Rekey $access, in the schema $schema', ({ access, schema }) => {
      const mapping = mappings[preset](schema)
      let reached: Reached | undefined
      let installation: Installation | undefined
      beforeAll(async () => {
        const { database, sql } = peer
        reached = await reach(database, sql, mapping, access)
        const env = { LIMIT_REQUESTS_PER_CLIENT: '1000/1m' }
        installation = await openInstallation({ ...database, url: reached.url }, env, {
          users: reached.users,
        })
      })
      afterAll(async () => {
        await installation?.close()
        await reached?.close()
      })
      const given = () => ({
        ...peer,
        access,
        schema,
        accounts: opened[schema]!,
        installation: installation!,
      })
      const isFirst = access === surroundings[0]!.access
      declare(given, isFirst)
      testUnfit(mapping, given)
      testRaces(mapping, given)
      if (!isFirst) return
      test('migrations, the check and resets add no trigger, index, column or grant to the product’s tables [W3]', async () => {
        const { database, sql } = peer
        await migrate(database, { ownsUsers: false })
        expect((await inspectUsersTable(given().installation.services.database, mapping)).problems).toEqual(
          [],
        )
        expect(await readDefinitions(sql, schema)).toEqual(definitions)
        expect(definitions.length).toBeGreaterThan(5)
      })
    })
  })
}

const usedLink = '{"detail":"Invalid signature","code":"signature-used"}'

function testUnfit(mapping: UsersMapping, given: () => Surrounding): void {
  test('an account without a password or a disabled one gets the same bytes before any table is read, and no email [W5, A1, A2]', async () => {
    const { sql, accounts, installation } = given()
    const fit = await accounts.add()
    const unfit = await accounts.addWithoutPassword()
    if (accounts.disabling) {
      const { email } = await accounts.add()
      await disable(sql, mapping, accounts.disabling, email)
      unfit.disabled = email
    }
    const logins = { fit: fit.email, ...unfit, unknown: `nobody-${tag()}@example.com` }
    const responses = await whileLocked(sql, mapping, () =>
      Promise.all(
        Object.values(logins).map((login) => post(installation, 'send-reset-password-link', { login })),
      ),
    )
    expect(new Set(responses.map((response) => JSON.stringify(response))).size).toBe(1)
    expect(responses[0]!.status).toBe(200)
    await settled({ sql })
    const emails = Object.entries(logins).map(([kind, email]) => [kind, installation.sink.countTo(email)])
    expect(emails).toEqual(emails.map(([kind]) => [kind, kind === 'fit' ? 1 : 0]))

    if (!accounts.disabling) return
    // A link that was mailed before.
    const [link] = await linksOf(installation, fit)
    await disable(sql, mapping, accounts.disabling, fit.email)
    const late = await post(installation, 'reset-password', { ...link, password: newPassword() })
    expect([late.status, late.text]).toEqual([400, usedLink])
  })
}

function testRaces(mapping: UsersMapping, given: () => Surrounding): void {
  const users = quotedTableName(parseTableName(mapping.table))
  const email = `"${mapping.email}"`
  test.each([
    ['only one succeeds', `SELECT FROM ${users} WHERE ${email} = $1 FOR UPDATE`, [200, 400]],
    [
      'none succeeds if the email address changes',
      `UPDATE ${users} SET ${email} = 'new-' || $1 WHERE ${email} = $1`,
      [400, 400],
    ],
  ])('of two resets at the same time, %s [C12, W2]', async (_what, statement, statuses) => {
    const { sql, accounts, installation } = given()
    const account = await accounts.add()
    // Two links, because a process handles requests with one link in turn.
    const links = await linksOf(installation, account)
    const passwords = links.map(() => newPassword())
    await sql.query('BEGIN')
    await sql.query(statement, [account.email])
    const racing = links.map((link, n) =>
      post(installation, 'reset-password', { ...link, password: passwords[n] }),
    )
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    await expect.poll(async () => (await sql.query(waiting)).rowCount, { interval: 20 }).toBe(links.length)
    await sql.query('COMMIT')
    const responses = await Promise.all(racing)
    expect(responses.map(({ status }) => status).sort()).toEqual(statuses)
    for (const { status, text } of responses) if (status !== 200) expect(text).toBe(usedLink)

    const isChanged = statement.startsWith('UPDATE')
    const moved = { ...account, email: `${isChanged ? 'new-' : ''}${account.email}` }
    const fits = (password: string) => accounts.signsIn(moved, password)
    expect(await fits(account.password)).toBe(isChanged)
    for (const [n, { status }] of responses.entries()) expect(await fits(passwords[n]!)).toBe(status === 200)
  })
}

async function linksOf({ services }: Installation, { id }: Account) {
  const { account, now } = await services.accounts.read(id)
  const timestamp = Math.floor(now.getTime() / 1000)
  return [1, 2].map((age) => services.links.create('reset', id, timestamp - age, account!))
}

async function disable(sql: pg.Client, mapping: UsersMapping, assignment: string, email: string) {
  const users = quotedTableName(parseTableName(mapping.table))
  await sql.query(`UPDATE ${users} SET ${assignment} WHERE "${mapping.email}" = $1`, [email])
}

async function whileLocked<Result>(
  sql: pg.Client,
  mapping: UsersMapping,
  act: () => Promise<Result>,
): Promise<Result> {
  const names = tableUsesOf(mapping).map(({ table }) => quotedTableName(table))
  const { rows } = await sql.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL',
    [names],
  )
  await sql.query({ text: `BEGIN; LOCK TABLE ${rows.map(({ name }) => name)} IN ACCESS EXCLUSIVE MODE` })
  try {
    return await act()
  } finally {
    await sql.query('COMMIT')
  }
}

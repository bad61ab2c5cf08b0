import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'
import { exchange } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import {
  changesSinceIssue,
  decision,
  drrDefaults,
  environmentOf,
  listed,
  ownResponses,
  pairs,
  reset,
  type AccountChange,
} from './recorded-pairs'
import { translatedRequest } from './translated-request'

// Where Rekey differs from Django REST Registration on purpose, decision 0008 lists the pair.

const groups = Map.groupBy(pairs, ({ settings }) => JSON.stringify(environmentOf(settings)))

let database: TestDatabase
let sink: MailSink
let app: RunningApp
let alice: { id: string; password: string } | undefined

beforeAll(async () => {
  database = await createMigratedDatabase()
  sink = await startMailSink()
})
afterAll(async () => {
  await sink?.close()
  await database?.drop()
})

describe('the list of recorded pairs that differ (decision 0008)', () => {
  test('each pair on the list was recorded, has a response of Rekey and a reason', () => {
    const names = new Set(pairs.map(({ name }) => name))
    expect([...listed.keys()].filter((name) => !names.has(name))).toEqual([])
    expect([...listed.keys()].sort()).toEqual(Object.keys(ownResponses).sort())
    const reasons = new Set([...decision.matchAll(/^\| (\d+) +\|/gm)].map(([, number]) => Number(number)))
    expect([...listed.values()].filter((number) => !reasons.has(number))).toEqual([])
  })

  test('fewer than a quarter of the recorded pairs differ', () => {
    expect(pairs).toHaveLength(207)
    expect(listed.size).toBeLessThan(pairs.length / 4)
  })
})

describe.each(
  [...groups].map(([environment, ofGroup]) => {
    const env = JSON.parse(environment) as Record<string, string>
    return [unlikeDrrsDefaults(env) || 'DRR’s defaults', env, ofGroup] as const
  }),
)('requests recorded with %s', (_title, env, ofGroup) => {
  const oneTimeUse = env.RESET_PASSWORD_VERIFICATION_ONE_TIME_USE === 'true'

  beforeAll(async () => {
    app = await startApp({ env, database, sink })
    alice ??= await addDrrsPeople()
  })
  afterAll(() => app?.stop())

  test.each(ofGroup.map((pair) => [pair.name, pair] as const))(
    'the request "%s" gets DRR’s response, or the one that Rekey has instead',
    async (name, pair) => {
      await app.sql.query(
        `UPDATE "rekey"."users" SET "email" = 'alice@example.com', "password" = $2, "password_changed_at" = NULL WHERE "id" = $1`,
        [alice!.id, alice!.password],
      )
      // Pairs of one second have the same link, and Rekey limits the attempts per link.
      await app.sql.query('DELETE FROM "rekey"."limits"')
      const request = await translatedRequest(pair, app, { aliceId: alice!.id, oneTimeUse })
      await changeAccount(changesSinceIssue[name], oneTimeUse)
      const before = await storedPassword()

      const response = await exchange(app.port, request)

      expect(response.text).toBe(JSON.stringify(response.json))
      const recorded = asText(pair.status, withoutEmptyErrors(pair.json))
      const received = asText(response.status, withoutCode(response.json))
      const own = ownResponses[name]
      if (own === undefined) expect(received).toEqual(recorded)
      else expect(asText(response.status, response.json)).toEqual(asText(own.status, own.json))
      if (listed.has(name)) expect(received).not.toEqual(recorded)
      const changed = (await storedPassword()) !== before
      expect(changed).toBe(response.status === 200 && pair.method === 'POST' && pair.path.includes('/reset-'))
    },
  )
})

function unlikeDrrsDefaults(env: Record<string, string>): string {
  return Object.entries(env)
    .filter(([name, value]) => (drrDefaults as Record<string, string>)[name] !== value)
    .map((entry) => entry.join('='))
    .join(' ')
}

async function addDrrsPeople(): Promise<{ id: string; password: string }> {
  const { id } = await app.addPerson({
    username: 'alice',
    email: 'alice@example.com',
    firstName: 'Alice',
    password: 'Correct-horse-1',
  })
  await app.addPerson({ username: 'bob', email: 'bob@example.com', isActive: false })
  await app.addPerson({ username: 'carol', email: 'carol@example.com' })
  await app.addPerson({ username: 'Żółć', email: 'zolc@example.com' })
  await app.addPerson({ username: 'alice@example.com', email: 'dave@example.com' })
  const { rows } = await app.sql.query<{ password: string }>(
    'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
    [id],
  )
  return { id, password: rows[0]!.password }
}

async function storedPassword(): Promise<string> {
  const { rows } = await app.sql.query<{ password: string }>(
    'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
    [alice!.id],
  )
  return rows[0]!.password
}

async function changeAccount(change: AccountChange | undefined, oneTimeUse: boolean): Promise<void> {
  if (change === 'another email address')
    await app.sql.query(`UPDATE "rekey"."users" SET "email" = 'moved@example.com' WHERE "id" = $1`, [
      alice!.id,
    ])
  if (change === 'a sign-in that hashed the password again')
    await app.sql.query(`UPDATE "rekey"."users" SET "password" = $2 WHERE "id" = $1`, [
      alice!.id,
      await createHashQueue().hash('Correct-horse-1'),
    ])
  if (change !== 'a reset') return
  const link = await signedLinks(app, { oneTimeUse }).linkOf(alice!)
  const response = await app.post('reset-password', { ...link, password: 'N3w-correct-horse' })
  expect([response.status, response.json]).toEqual([reset.status, reset.json])
}

/** Removes codes, which DRR does not have (difference 17). */
function withoutCode(json: unknown): unknown {
  return json instanceof Object && 'detail' in json ? without(json, ([name]) => name === 'code') : json
}

/** Removes the empty list that DRR adds to password errors (difference 16). */
function withoutEmptyErrors(json: unknown): unknown {
  return json instanceof Object
    ? without(json, ([name, value]) => name === 'non_field_errors' && String(value) === '')
    : json
}

function without(json: object, isRemoved: (entry: [string, unknown]) => boolean): unknown {
  return Object.fromEntries(Object.entries(json).filter((entry) => !isRemoved(entry)))
}

/** A response as text, because the order of its fields matters to clients; without the messages of JSON parsers. */
function asText(status: number, json: unknown) {
  return { status, json: JSON.stringify(json)?.replace(/(parse error - ).+?(?="})/s, '$1…') }
}

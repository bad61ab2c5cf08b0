import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { forgeries } from '@/e2e/support/forged-links'
import { signedLinks } from '@/e2e/support/signed-links'
import { settled } from '@/e2e/support/settled-jobs'
import { newPassword, readLink, startApp, type RunningApp } from '@/e2e/support/running-app'
import { cancelPath, requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

let app: RunningApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.stop())

async function dump(): Promise<Record<string, string[]>> {
  const { rows: tables } = await app.sql.query<{ schema: string; name: string }>(
    `SELECT table_schema AS "schema", table_name AS "name" FROM information_schema.tables
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`,
  )
  const all: Record<string, string[]> = {}
  for (const { schema, name } of tables) {
    const { rows } = await app.sql.query<{ row: string }>(
      `SELECT to_jsonb(t)::text AS "row" FROM "${schema}"."${name}" t ORDER BY 1`,
    )
    all[`${schema}.${name}`] = rows.map(({ row }) => row)
  }
  return all
}

/** The bytes of a signature in each encoding in which they could be stored. */
function spellingsOf(signature: string): string[] {
  const bytes = Buffer.from(signature, 'base64url')
  const parts = [bytes, bytes.subarray(0, 32), bytes.subarray(32)]
  const spelled = parts.flatMap((part) =>
    (['base64url', 'base64', 'hex'] as const).map((encoding) => part.toString(encoding).replace(/=+$/, '')),
  )
  return [signature, ...spelled]
}

test('the database never contains a link, neither before its email is sent, nor while it is deferred, nor afterwards [T7]', async () => {
  const person = await app.addPerson()
  app.sink.refuse = { code: 451, text: 'come back later' }
  await app.post('send-reset-password-link', { login: person.username })
  const dumps = [await dump()]
  const waiting = async () =>
    (await app.sql.query(`SELECT 1 FROM rekey_queue.job WHERE name = 'link-email' AND state = 'retry'`))
      .rowCount
  await expect.poll(waiting, { timeout: 20_000 }).toBe(1)
  dumps.push(await dump())
  app.sink.refuse = undefined
  await app.sql.query(
    `UPDATE rekey_queue.job SET start_after = now() WHERE name = 'link-email' AND state = 'retry'`,
  )
  const { link, cancelLink } = await app.sink.next(person.email, 40_000)
  await settled(app)
  dumps.push(await dump())

  // The timestamp is stored: it is the time of the request.
  const { rows } = await app.sql.query<{ at: string }>(
    `SELECT floor(extract(epoch FROM created_on))::text AS "at" FROM rekey_queue.job
      WHERE name = 'link-request' AND data -> 'target' ->> 'login' = $1`,
    [person.username],
  )
  expect(readLink(link).timestamp).toBe(rows[0]!.at)

  const canaries = [link, cancelLink].flatMap((mailed) => spellingsOf(readLink(mailed).signature))
  for (const tables of dumps) {
    const text = JSON.stringify(tables)
    expect(text).toContain(person.id)
    expect([...canaries, 'signature='].filter((canary) => text.includes(canary))).toEqual([])
  }
})

test('no value in the database works as the secret or the key of a link [T1, T7]', async () => {
  const person = await app.addPerson({ firstName: 'Grace', lastName: 'Hopper' })
  const { now, stateOf } = signedLinks(app)
  await app.linkFor(person)
  await settled(app)
  const [seconds, state] = [await now(), await stateOf(person.id)]

  const values = new Set<string>(['', app.url])
  for (const row of Object.values(await dump()).flat()) {
    const visit = (value: unknown): void => {
      if (value !== null && typeof value === 'object') return Object.values(value).forEach(visit)
      for (const piece of [String(value), ...String(value).split(/[$,:@ ]/)]) values.add(piece)
    }
    visit(JSON.parse(row))
  }
  expect([...values]).toEqual(expect.arrayContaining([person.id, state.passwordHash, state.email, 'Grace']))

  const reset = (link: object) => app.post('reset-password', { ...link, password: newPassword() })
  const forged = [...values].flatMap((value) =>
    [value, Buffer.from(value, 'base64')].flatMap((known) =>
      forgeries(known, person.id, seconds, state, app.url),
    ),
  )
  const responses: unknown[] = []
  while (forged.length > 0) {
    for (const { status, json } of await Promise.all(forged.splice(0, 24).map(reset)))
      responses.push([status, json])
  }
  expect(responses.length).toBeGreaterThan(400)
  const invalid = [400, { detail: 'Invalid signature', code: 'signature-invalid' }]
  expect(responses.filter((response) => JSON.stringify(response) !== JSON.stringify(invalid))).toEqual([])
  // A link made in the same way with the secret works.
  expect((await reset(forgeries(app.secret, person.id, seconds, state, app.url)[0])).status).toBe(200)
}, 240_000)

test('HEAD, GET and OPTIONS requests with a link change no row, except that they add the audit entry of its opening [T13]', async () => {
  const person = await app.addPerson()
  const link = await app.linkFor(person)
  const cancel = await signedLinks(app).linkOf(person, { purpose: 'cancel' })
  await settled(app)
  // Processes write to these tables without requests.
  const ofProcesses = ['rekey.mail_state', 'rekey.metrics', 'rekey.metric_processes']
  // The other tables of the queue change without requests.
  const rows = async () =>
    Object.entries(await dump())
      .filter(
        ([name]) =>
          (name.startsWith('rekey.') && !ofProcesses.includes(name)) || name.startsWith('rekey_queue.job'),
      )
      .map(([name, lines]) => [name, lines.filter((line) => !line.includes('authn_token_opened'))] as const)
  const before = await rows()
  expect(before.map(([name]) => name)).toEqual(
    expect.arrayContaining(['rekey.users', 'rekey.audit', 'rekey.limits', 'rekey.recovery']),
  )

  const query = new URLSearchParams({ ...link, password: newPassword(), login: person.username })
  const cancelQuery = new URLSearchParams({ ...cancel, timestamp: String(cancel.timestamp) })
  for (const path of [
    `/reset-password/?${query}`,
    `/cancel-reset/?${cancelQuery}`,
    `/forgot-password/?${query}`,
    `${resetPath}?${query}`,
    `${requestLinkPath}?${query}`,
    `${cancelPath}?${cancelQuery}`,
  ]) {
    for (let round = 0; round < 10; round += 1) {
      for (const method of ['HEAD', 'GET', 'OPTIONS']) {
        const { status } = await exchange(app.port, { method, path })
        expect([200, 204, 405]).toContain(status)
      }
    }
  }
  await settled(app)
  expect(await rows()).toEqual(before)
  expect((await app.post('reset-password', { ...link, password: newPassword() })).status).toBe(200)
  expect(await rows()).not.toEqual(before)
})

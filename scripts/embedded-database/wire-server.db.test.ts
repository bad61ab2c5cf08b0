import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DataDirInUse, startEmbeddedDatabase, type EmbeddedDatabase } from './embedded-database'

let dir: string
let db: EmbeddedDatabase
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'rekey-wire-'))
  db = await startEmbeddedDatabase(dir)
}, 60_000)
afterAll(async () => {
  await db.close()
  rmSync(dir, { recursive: true, force: true })
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: db.url })
  await client.connect()
  return client
}

test('clients that send queries at the same time get only their own rows', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, connect))
  const rounds = Array.from({ length: 40 }, (_, round) => round)
  await Promise.all(
    clients.map(async (client, who) => {
      for (const round of rounds) {
        const { rows } = await client.query('SELECT $1::int AS "who", $2::int AS "round"', [who, round])
        expect(rows).toEqual([{ who, round }])
      }
    }),
  )
  await Promise.all(clients.map((client) => client.end()))
})

test('a transaction blocks other clients, and it is rolled back when its client disconnects', async () => {
  const [writer, reader] = [await connect(), await connect()]
  await writer.query('CREATE TABLE "kept" ("n" int)')
  await writer.query('BEGIN')
  await writer.query('INSERT INTO "kept" VALUES ($1)', [1])
  let answered = false
  const reading = reader.query('SELECT count(*)::int AS "n" FROM "kept"').then(({ rows }) => {
    answered = true
    return rows
  })
  await writer.query('INSERT INTO "kept" VALUES ($1)', [2])
  expect(answered).toBe(false)
  writer.on('error', () => undefined)
  ;(writer as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  expect(await reading).toEqual([{ n: 0 }])
  await reader.end()
})

test('after an error in a statement, its client and the other clients work as before', async () => {
  const [one, other] = [await connect(), await connect()]
  await expect(one.query('SELECT 1 / $1::int', [0])).rejects.toThrow('division by zero')
  await one.query('BEGIN')
  await expect(one.query('SELECT 1 / $1::int', [0])).rejects.toThrow('division by zero')
  const waiting = other.query('SELECT 7 AS "n"')
  await expect(one.query('SELECT 1')).rejects.toThrow('aborted')
  await one.query('ROLLBACK')
  expect((await waiting).rows).toEqual([{ n: 7 }])
  expect((await one.query('SELECT $1::int AS "n"', [8])).rows).toEqual([{ n: 8 }])
  await Promise.all([one.end(), other.end()])
})

test('a notification reaches all clients at the commit, also between their own responses', async () => {
  const [listener, sender, other] = [await connect(), await connect(), await connect()]
  const notifications: string[] = []
  for (const [name, client] of Object.entries({ listener, sender, other }))
    client.on('notification', ({ channel, payload }) => notifications.push(`${name} ${channel} ${payload}`))
  await listener.query('LISTEN "jobs"')
  await sender.query('BEGIN')
  await sender.query('SELECT pg_notify($1, $2)', ['jobs', 'one'])
  expect(notifications).toEqual([])
  const reading = other.query('SELECT 5 AS "n"')
  await sender.query('COMMIT')
  expect((await reading).rows).toEqual([{ n: 5 }])
  await expect
    .poll(() => notifications.toSorted())
    .toEqual(['listener jobs one', 'other jobs one', 'sender jobs one'])
  await Promise.all([listener.end(), sender.end(), other.end()])
})

test('a connecting client gets its greeting before any notification', async () => {
  const [listener, sender] = [await connect(), await connect()]
  await listener.query('LISTEN "crowd"')
  const socket = createConnection(path.join(dir, '.s.PGSQL.5432'))
  await once(socket, 'connect')
  await sender.query('SELECT pg_notify($1, $2)', ['crowd', 'early'])
  const startup = Buffer.from('\0\0\0\0\0\x03\0\0user\0postgres\0\0', 'latin1')
  startup.writeInt32BE(startup.length)
  socket.write(startup)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  expect(String.fromCharCode(greeting[0]!)).toBe('R')
  socket.destroy()
  await Promise.all([listener.end(), sender.end()])
})

test('a second process is refused the directory of an open database, and the first continues [F13]', async () => {
  await expect(startEmbeddedDatabase(dir)).rejects.toThrow(DataDirInUse)
  const client = await connect()
  expect((await client.query('SELECT 1 AS "n"')).rows).toEqual([{ n: 1 }])
  await client.end()
})

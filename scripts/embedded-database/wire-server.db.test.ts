import { mkdtempSync, rmSync } from 'node:fs'
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

test('clients that speak at once never get the rows of another', async () => {
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

test('a transaction has the session to itself, and one that is left open by a lost client is undone', async () => {
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

test('an error in a statement leaves its client and the others as they were', async () => {
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

test('a second owner of the directory is refused, and the first works on (F13)', async () => {
  await expect(startEmbeddedDatabase(dir)).rejects.toThrow(DataDirInUse)
  const client = await connect()
  expect((await client.query('SELECT 1 AS "n"')).rows).toEqual([{ n: 1 }])
  await client.end()
})

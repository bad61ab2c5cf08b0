import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

type Column = { column: string; type: string; required: boolean; hasDefault: boolean }

let database: TestDatabase
let sql: pg.Client
beforeAll(async () => {
  database = await createMigratedDatabase()
  sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
}, 120_000)
afterAll(async () => {
  await sql.end()
  await database.drop()
})

/** How PostgreSQL calls what the schema calls otherwise; `@db.` attributes first. */
const nativeTypes: [RegExp, string][] = [
  [/@db\.Uuid/, 'uuid'],
  [/^Unsupported\("timestamptz/, 'timestamptz'],
  [/@db\.VarChar\(255\)/, 'varchar'],
  [/^String/, 'text'],
  [/^Boolean/, 'bool'],
  [/^Int/, 'int4'],
  [/^BigInt/, 'int8'],
  [/^Json/, 'jsonb'],
]

/** The tables as prisma/schema.prisma declares them. */
function declared(): Map<string, Column[]> {
  const schema = readFileSync('prisma/schema.prisma', 'utf8')
  const models = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)]
  const names = models.map(([, name]) => name)
  return new Map(
    models.map(([, name, body = '']) => {
      const table = /@@map\("([^"]+)"\)/.exec(body)?.[1] ?? name!
      const columns = body.split('\n').flatMap((line) => {
        const [, field, type, optional, attributes = ''] =
          /^ {2}(\w+)\s+(Unsupported\("[^"]+"\)|\w+(?:\[\])?)(\?)?(.*)$/.exec(line) ?? []
        if (field === undefined || type === undefined || names.includes(type)) return []
        const native = nativeTypes.find(([pattern]) => pattern.test(attributes) || pattern.test(type))![1]
        return {
          column: /@map\("([^"]+)"\)/.exec(attributes)?.[1] ?? field,
          type: type.includes('[]') ? `_${native}` : native,
          required: optional === undefined,
          // Ids of accounts are made by the client, in time order.
          hasDefault: /@default\((?!uuid)/.test(attributes),
        }
      })
      return [table, columns]
    }),
  )
}

const byName = (a: Column, b: Column) => a.column.localeCompare(b.column)

describe('the migrated database is what the generated client believes it to be', () => {
  test.each([...declared()])('table %s', async (table, columns) => {
    const { rows } = await sql.query<Column>(
      `SELECT column_name AS "column", udt_name AS "type", is_nullable = 'NO' AS "required",
              column_default IS NOT NULL OR is_identity = 'YES' AS "hasDefault"
         FROM information_schema.columns WHERE table_schema = 'rekey' AND table_name = $1`,
      [table],
    )
    expect(rows.sort(byName)).toEqual(columns.sort(byName))
  })

  test('there are no other tables of ours', async () => {
    const { rows } = await sql.query<{ name: string }>(
      `SELECT table_name AS "name" FROM information_schema.tables WHERE table_schema = 'rekey'`,
    )
    expect(rows.map(({ name }) => name).sort()).toEqual([...declared().keys(), '_prisma_migrations'].sort())
  })

  test('the schema is what the client was generated from', () => {
    const client = readFileSync('prisma/client/internal/class.ts', 'utf8')
    const inlined = JSON.parse(/"inlineSchema": (".*")/.exec(client)![1]!) as string
    expect(inlined).toBe(readFileSync('prisma/schema.prisma', 'utf8'))
  })

  test('the client can read and write no instant, whose text would depend on the session [V1]', () => {
    expect(readFileSync('prisma/schema.prisma', 'utf8')).not.toMatch(/\bDateTime\b/)
    const instants = [...declared().values()].flat().filter(({ type }) => type.endsWith('timestamptz'))
    expect(instants.length).toBeGreaterThan(5)
  })

  test('migrations are recorded as `prisma migrate` records them', async () => {
    const { rows } = await sql.query(`SELECT * FROM "rekey"."_prisma_migrations" ORDER BY "migration_name"`)
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      expect(row).toMatchObject({ applied_steps_count: 1, rolled_back_at: null, logs: null })
      expect(row.checksum).toMatch(/^[0-9a-f]{64}$/)
      expect(row.finished_at).toBeInstanceOf(Date)
    }
  })

  test('usernames and addresses are compared under a deterministic collation [C3]', async () => {
    const { rows } = await sql.query<{ deterministic: boolean }>(
      `SELECT c.collisdeterministic AS "deterministic" FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
        WHERE a.attrelid = 'rekey.users'::regclass AND a.attname IN ('username', 'email')`,
    )
    expect(rows).toEqual([{ deterministic: true }, { deterministic: true }])
  })
})

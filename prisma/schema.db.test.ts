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

/** PostgreSQL's names for the types of the schema; `@db.` attributes come first. */
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
          // The client makes the ids of accounts, in the order of time.
          hasDefault: /@default\((?!uuid)/.test(attributes),
        }
      })
      return [table, columns]
    }),
  )
}

const byName = (a: Column, b: Column) => a.column.localeCompare(b.column)

describe('the migrated database and the schema of the generated client', () => {
  test.each([...declared()])(
    'the table %s has the columns that the schema declares',
    async (table, columns) => {
      const { rows } = await sql.query<Column>(
        `SELECT column_name AS "column", udt_name AS "type", is_nullable = 'NO' AS "required",
              column_default IS NOT NULL OR is_identity = 'YES' AS "hasDefault"
         FROM information_schema.columns WHERE table_schema = 'rekey' AND table_name = $1`,
        [table],
      )
      expect(rows.sort(byName)).toEqual(columns.sort(byName))
    },
  )

  test('the database has no tables of Rekey that the schema does not declare', async () => {
    const { rows } = await sql.query<{ name: string }>(
      `SELECT table_name AS "name" FROM information_schema.tables WHERE table_schema = 'rekey'`,
    )
    expect(rows.map(({ name }) => name).sort()).toEqual([...declared().keys(), '_prisma_migrations'].sort())
  })

  test('the client was generated from this schema', () => {
    const client = readFileSync('prisma/client/internal/class.ts', 'utf8')
    const inlined = JSON.parse(/"inlineSchema": (".*")/.exec(client)![1]!) as string
    expect(inlined).toBe(readFileSync('prisma/schema.prisma', 'utf8'))
  })

  test('the client reads and writes no timestamp columns, whose text depends on the session [V1]', () => {
    expect(readFileSync('prisma/schema.prisma', 'utf8')).not.toMatch(/\bDateTime\b/)
    const timestamps = [...declared().values()].flat().filter(({ type }) => type.endsWith('timestamptz'))
    expect(timestamps.length).toBeGreaterThan(5)
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

  test('usernames and email addresses, and their indexes, have deterministic collations [C3, CVE-2024-27295]', async () => {
    const { rows } = await sql.query<{ name: string; deterministic: boolean | null }>(
      `SELECT a.attname AS "name", l.collisdeterministic AS "deterministic"
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relname IN ('users', 'users_email_folded_idx', 'users_username_key')
          AND a.attnum > 0 AND a.attcollation <> 0`,
    )
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['username', 'email', 'lower']))
    expect(rows.filter(({ deterministic }) => deterministic !== true)).toEqual([])
  })
})

import type pg from 'pg'

/** All rows of a product's tables, by `schema.table` and primary key. */
export type Rows = Map<string, Record<string, unknown>>

/** Reads every table outside Rekey's schemas. */
export async function readRows(sql: pg.Client): Promise<Rows> {
  const { rows: tables } = await sql.query<{ name: string; table: string; key: string | null }>(
    `SELECT n.nspname || '.' || c.relname AS "name", format('%I.%I', n.nspname, c.relname) AS "table",
            (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
              WHERE i.indrelid = c.oid AND i.indisprimary) AS "key"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname NOT IN ('rekey', 'rekey_queue', 'pg_catalog', 'information_schema')`,
  )
  const found: Rows = new Map()
  for (const { name, table, key } of tables) {
    const { rows } = await sql.query<{ row: Record<string, unknown> }>({
      text: `SELECT to_jsonb(t) AS "row" FROM ${table} t`,
    })
    for (const { row } of rows) found.set(`${name} ${String(row[key ?? ''])}`, row)
  }
  return found
}

/** Everything that defines the tables of a schema: columns, indexes, triggers, policies and grants, sorted. */
export async function readDefinitions(sql: pg.Client, schema: string): Promise<string[]> {
  const { rows } = await sql.query<{ definition: string }>(
    `WITH r AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1)
     SELECT concat_ws(' ', relname, relkind, relrowsecurity, relacl) AS definition FROM r
     UNION ALL SELECT concat_ws(' ', relname, attname, format_type(atttypid, atttypmod), attnotnull, attacl)
       FROM r JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0
     UNION ALL SELECT pg_get_triggerdef(t.oid) FROM r JOIN pg_trigger t ON tgrelid = r.oid
     UNION ALL SELECT polname FROM r JOIN pg_policy ON polrelid = r.oid ORDER BY 1`,
    [schema],
  )
  return rows.map(({ definition }) => definition)
}

/** The differences, sorted: `public.account X: password, updatedAt` for a changed row, `public.session Y: gone` or `new`. */
export function differences(before: Rows, after: Rows): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names
    .flatMap((name) => {
      const [old, now] = [before.get(name), after.get(name)]
      if (old === undefined || now === undefined) return [`${name}: ${now === undefined ? 'gone' : 'new'}`]
      const changed = Object.keys(now).filter(
        (column) => JSON.stringify(old[column]) !== JSON.stringify(now[column]),
      )
      return changed.length > 0 ? [`${name}: ${changed.sort().join(', ')}`] : []
    })
    .sort()
}

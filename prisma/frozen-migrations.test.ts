import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

/** SHA-256. Databases have applied these migrations: to change a table, add a migration and its line here. */
const frozen = {
  '20261129000000_rekey': '9e0d96c65de977ac1d22d5e447848e9d251df3fda39059eaa43d7ad520de3387',
  '20261129000001_users': 'c95fd08de8b4522f246a89e12c518e45f15bed3e9fa237786aeb8785b5ddeeff',
  '20261130000000_audit_actor': 'e42d0ec70c13bd347d729c254e118d9fcc85d27101f3435a9c63ca6651db4732',
  '20261130000000_metrics': '42bd0649a069e0c5846feceaf2875b59204aaa7f3981e6654a01ddbd819bd9bc',
}

test('no published migration has changed, and each new one is listed [F16]', () => {
  const names = readdirSync('prisma/migrations', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
  const digestOf = (name: string) =>
    createHash('sha256')
      .update(readFileSync(`prisma/migrations/${name}/migration.sql`))
      .digest('hex')
  expect(Object.fromEntries(names.sort().map((name) => [name, digestOf(name)]))).toEqual(frozen)
})

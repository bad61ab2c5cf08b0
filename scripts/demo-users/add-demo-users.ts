import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type pg from 'pg'
import { openConnection } from '@/lib/database/connection'
import type { DemoProduct } from '@/lib/config/demo-product'
import { demoPeople } from '@/prisma/seed'
import type { Services } from '@/services'

type Person = { username: string; email: string; firstName: string; lastName: string; passwordHash: string }

const products: Record<DemoProduct, { table: string; login: 'username' | 'email'; add: typeof addToDjango }> =
  {
    django: { table: 'public.auth_user', login: 'username', add: addToDjango },
    'better-auth': { table: 'public."user"', login: 'email', add: addToBetterAuth },
  }

/** @param product undefined for Rekey's own table */
export function demoLogins(product?: DemoProduct): string[] {
  return demoPeople.map((person) => person[product === undefined ? 'username' : products[product].login])
}

/** Adds the product's tables, and the demo's accounts with random passwords, unless they exist. */
export async function addDemoUsers(
  product: DemoProduct,
  { accounts, hash, settings }: Pick<Services, 'accounts' | 'hash' | 'settings'>,
): Promise<void> {
  const { table, login, add } = products[product]
  const client = await openConnection(settings.database.url)
  try {
    const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS "found"', [
      table,
    ])
    if (!rows[0]!.found)
      await client.query(readFileSync(path.resolve('scripts/demo-users', `${product}.sql`), 'utf8'))
    for (const person of demoPeople) {
      if ((await accounts.findOne(person[login])) !== null) continue
      await add(client, { ...person, passwordHash: await hash.hash(randomBytes(24).toString('base64url')) })
    }
  } finally {
    await client.end()
  }
}

async function addToDjango(client: pg.Client, person: Person): Promise<void> {
  const { username, email, firstName, lastName, passwordHash } = person
  await client.query(
    `INSERT INTO "public"."auth_user" ("username", "email", "first_name", "last_name", "password", "is_active",
                                       "is_staff", "is_superuser", "date_joined")
     VALUES ($1, $2, $3, $4, $5, true, false, false, now())`,
    [username, email, firstName, lastName, passwordHash],
  )
}

async function addToBetterAuth(client: pg.Client, person: Person): Promise<void> {
  const { email, firstName, lastName, passwordHash } = person
  const id = randomUUID()
  // One statement, so that no user is stored without a password.
  await client.query(
    `WITH added AS (
       INSERT INTO "public"."user" ("id", "name", "email", "emailVerified") VALUES ($1, $2, $3, true) RETURNING "id")
     INSERT INTO "public"."account" ("id", "accountId", "providerId", "userId", "password", "updatedAt")
     SELECT $4, "id", 'credential', "id", $5, now() FROM added`,
    [id, `${firstName} ${lastName}`, email, randomUUID(), passwordHash],
  )
}

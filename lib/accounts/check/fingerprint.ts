import { createHash } from 'node:crypto'
import type { UsersTable } from '@/lib/accounts/users-table'

/**
 * Identifies what decides whether a product understands what Rekey writes: the columns, the format with its parameters, and
 * secret options by a digest. A changed mapping needs a new proof.
 */
export function fingerprintOf({ table, id, password }: UsersTable): string {
  const { column, in: place, format } = password
  const facts = [table, id, column, place ?? null, format.name, format.fingerprint ?? null]
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
}

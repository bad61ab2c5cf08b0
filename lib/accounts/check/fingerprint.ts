import { createHash } from 'node:crypto'
import { identityOf, type UsersMapping } from '@/lib/accounts/users-table'

/**
 * Identifies what decides whether a product understands what Rekey writes: the columns, the format with its parameters, and
 * secret options by a digest. If any of these changes, a new proof is needed.
 */
export function mappingFingerprint(mapping: UsersMapping): string {
  const { id, password } = mapping
  const { column, in: place, format } = password
  const facts = [identityOf(mapping), id, column, place ?? null, format.name, format.fingerprint ?? null]
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
}

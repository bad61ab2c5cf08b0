import { createHash } from 'node:crypto'
import { identityOf, type UsersMapping } from '@/lib/accounts/users-table'

/**
 * Returns a digest of what decides whether a product can verify the hashes that Rekey writes: the users table and its column of ids, the
 * column of the hash, the option `password.in`, the format with its parameters, and a keyed hash of secret options such as a pepper. If
 * the digest changes, earlier proofs of the mapping do not count: a known password must be verified again (`npm run accounts -- check`).
 */
export function passwordMappingFingerprint(mapping: UsersMapping): string {
  const { id, password } = mapping
  const { column, in: place, format } = password
  const facts = [identityOf(mapping), id, column, place ?? null, format.name, format.fingerprint ?? null]
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
}

import { createHash } from 'node:crypto'
import { identityOf, type UsersMapping } from '@/lib/accounts/users-table'

/** Returns a digest of how a mapping stores passwords: if it changes, earlier proofs (`npm run accounts -- check`) do not count. */
export function passwordMappingFingerprint(mapping: UsersMapping): string {
  const { id, password } = mapping
  const { column, in: place, format } = password
  const facts = [identityOf(mapping), id, column, place ?? null, format.name, format.fingerprint ?? null]
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
}

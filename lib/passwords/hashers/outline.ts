/**
 * Reduces a stored hash to what a product compares before it hashes again: scheme, version, cost, and the length of the digest.
 * Salt and digest are left out.
 *
 * @returns such as `$2y$12$*53` or `pbkdf2_sha256$1000000$*$*44`
 */
export function outlineOf(stored: string): string {
  const parts = stored.split(/([$:])/)
  return parts
    .map((part, at) => {
      if (/^[$:]?$/.test(part) || !/^[\w+/=.-]{16,}$/.test(part)) return part
      return at === parts.length - 1 ? `*${part.length}` : '*'
    })
    .join('')
}

/** What may stand in the open: names of schemes, versions, costs and parameters. Anything else is salt or digest. */
const openPart =
  /^(?:2[abxy]|argon2(?:id|i|d)?|[156y]|pbkdf2[\w-]*|bcrypt\w*|scrypt|md5|sha1|\d{1,8}|[a-z]+=\d+(?:,[a-z]+=\d+)*)$/i

/**
 * Reduces a stored hash to what a product compares before it hashes again: scheme, version, cost, and the length of the digest.
 * Salt and digest are left out.
 *
 * @returns such as `$2y$12$*53` or `pbkdf2_sha256$1000000$*$*44`
 */
export function hashOutline(stored: string): string {
  const parts = stored.split(/([$:])/)
  const last = parts.length - 1
  return parts
    .map((part, at) => {
      if (at === last) return `*${part.length}`
      return part === '' || at % 2 === 1 || openPart.test(part) ? part : '*'
    })
    .join('')
}

/** Matches the parts of a stored hash that may be shown: names of schemes, versions, costs and parameters. */
const openPart =
  /^(?:2[abxy]|argon2(?:id|i|d)?|[156y]|pbkdf2[\w-]*|bcrypt\w*|scrypt|md5|sha1|\d{1,8}|[a-z]+=\d+(?:,[a-z]+=\d+)*)$/i

/**
 * Reduces a stored hash to the parts by which a product decides whether to hash again: scheme, version, cost, and the length of
 * the last part. Replaces every other part by `*`, because that part may be the salt or the digest.
 *
 * @returns for example `$2y$12$*53` or `pbkdf2_sha256$1000000$*$*44`
 */
export function outlineOfHash(stored: string): string {
  const parts = stored.split(/([$:])/)
  const last = parts.length - 1
  return parts
    .map((part, at) => {
      if (at === last) return `*${part.length}`
      return part === '' || at % 2 === 1 || openPart.test(part) ? part : '*'
    })
    .join('')
}

/** Matches what may be shown: names of schemes, versions, costs and parameters. */
const openPart =
  /^(?:2[abxy]|argon2(?:id|i|d)?|[156y]|pbkdf2[\w-]*|bcrypt\w*|scrypt|md5|sha1|\d{1,8}|[a-z]+=\d+(?:,[a-z]+=\d+)*)$/i

/**
 * Reduces a stored hash to scheme, version, parameters and the length of the last part: `pbkdf2_sha256$1000000$*$*44`. Other parts become
 * `*`, because they may be the salt.
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

export const encodingAdvice =
  'percent-encode its user name, password and parameters: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25, a space as %20'

/**
 * Rejects an ambiguous URL: if a password is not percent-encoded, a part of it may be parsed as the host. Also rejects a list of hosts.
 *
 * @returns what to write, never quoting the URL; undefined if nothing is wrong
 */
export function ambiguousUrlAdvice(url: string): string | undefined {
  const rest = url.replace(/^[a-z]+:\/\//i, '')
  const [authority = ''] = /^[^/?#]*/.exec(rest) ?? []
  const afterAuthority = rest.slice(authority.length)
  if (/[#\s]/u.test(rest) || afterAuthority.includes('@') || !isDecodable(rest)) return encodingAdvice
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(',')) {
    return 'write one host: Rekey cannot connect to a list of hosts'
  }
  return undefined
}

function isDecodable(text: string): boolean {
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(text))
  } catch {
    return false
  }
}

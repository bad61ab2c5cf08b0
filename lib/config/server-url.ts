// Checks of URLs with a user name and a password: the database's and the mail server's.

/** The advice for URLs whose parts are not percent-encoded. */
export const encodingAdvice =
  'percent-encode its user name, password and parameters: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25, a space as %20'

/**
 * Rejects URLs that parse but may mean something else. A password that is not percent-encoded ends too early: Rekey would
 * connect to another server, and a part of the password would count as its host name.
 *
 * @returns what to write, never quoting the URL; undefined if it is unambiguous
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

/** Whether every `%` starts an escape and the decoded text has no control characters. */
function isDecodable(text: string): boolean {
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(text))
  } catch {
    return false
  }
}

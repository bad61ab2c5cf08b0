// Checks of URLs that may contain a user name and a password: those of the database and of the mail server.

/** The advice about a URL whose parts are not percent-encoded. */
export const encodingAdvice =
  'percent-encode its user name, password and parameters: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25, a space as %20'

/**
 * Finds out whether a URL is ambiguous: if a password is not percent-encoded, a part of it may be parsed as the host name, and Rekey
 * would connect to another server. Also rejects a list of hosts.
 *
 * @returns what to write, never quoting the URL; undefined if the URL is unambiguous
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

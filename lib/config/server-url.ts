// URLs with a user name and a password in them: of the database, of the mail server.

export const encodingAdvice =
  'percent-encode what stands in its user name, password and parameters: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A, % as %25, a space as %20'

/**
 * Why a URL must not be used although it may parse: a password that is not percent-encoded moves its own end to another
 * place, so that another server is called and a part of the password counts as its name.
 *
 * @returns what to write, without any part of the URL; undefined where it can be read in one way only
 */
export function ambiguity(url: string): string | undefined {
  const rest = url.replace(/^[a-z]+:\/\//i, '')
  const [authority = ''] = /^[^/?#]*/.exec(rest) ?? []
  const afterAuthority = rest.slice(authority.length)
  if (/[#\s]/u.test(rest) || afterAuthority.includes('@') || !isDecodable(rest)) return encodingAdvice
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(',')) {
    return 'write one host: of several, Rekey would reach none'
  }
  return undefined
}

/** Whether every `%` begins an escape, and the whole is text without control characters. */
function isDecodable(text: string): boolean {
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(text))
  } catch {
    return false
  }
}

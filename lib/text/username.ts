/** The non-ASCII characters that are canonically equivalent to an ASCII one: `;`, `` ` `` and K (UAX #15, singletons). */
const equalsAscii = /[\u037e\u1fef\u212a]/

/**
 * Returns the form of a username that rate limits count: composed (NFC, as RFC 8265 §3.4 compares usernames), because
 * keyboards and file systems differ in whether they compose. Look-alikes stay different: case, full-width letters and
 * ligatures are not folded (CVE-2019-19844), and no non-ASCII character becomes an ASCII one.
 */
export function composedUsername(typed: string): string {
  return equalsAscii.test(typed) ? typed : typed.normalize('NFC')
}

/**
 * Returns the spellings under which a typed username may be stored: as typed, composed and decomposed. Up to three exact
 * comparisons can use the index on the username; a normalising one could not.
 */
export function usernameSpellings(typed: string): string[] {
  if (equalsAscii.test(typed)) return [typed]
  return [...new Set([typed, typed.normalize('NFC'), typed.normalize('NFD')])]
}

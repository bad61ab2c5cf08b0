/** Matches the three non-ASCII characters that NFC and NFD turn into an ASCII one: `;`, `` ` `` and `K` (UAX #15, singletons). */
const equalsAscii = /[\u037e\u1fef\u212a]/

/**
 * Returns the form of a username by which rate limits count: composed (NFC, as RFC 8265 §3.4 compares usernames), because
 * keyboards and file systems differ in whether they compose letters and accents. Look-alikes stay different: case, full-width letters
 * and ligatures are not folded (CVE-2019-19844), and a username with one of the three characters above stays as typed.
 */
export function composedUsername(typed: string): string {
  return equalsAscii.test(typed) ? typed : typed.normalize('NFC')
}

/**
 * Returns the spellings under which a typed username may be stored: as typed, composed (NFC) and decomposed (NFD). Exact comparisons
 * with up to three spellings can use the index on the username; a comparison that normalises the column could not.
 */
export function usernameSpellings(typed: string): string[] {
  if (equalsAscii.test(typed)) return [typed]
  return [...new Set([typed, typed.normalize('NFC'), typed.normalize('NFD')])]
}

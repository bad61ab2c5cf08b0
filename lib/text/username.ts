/** Matches the three non-ASCII characters that NFC turns into an ASCII one: `;`, `` ` `` and `K` (UAX #15, singletons). */
const equalsAscii = /[\u037e\u1fef\u212a]/

/**
 * Composes a username (NFC, as RFC 8265 §3.4), because keyboards differ in whether they compose accents. Case, full-width letters and
 * ligatures are not folded, so that look-alikes stay different (CVE-2019-19844).
 */
export function composedUsername(typed: string): string {
  return equalsAscii.test(typed) ? typed : typed.normalize('NFC')
}

/** Returns the spellings under which a username may be stored: exact comparisons with them can use the column's index. */
export function usernameSpellings(typed: string): string[] {
  if (equalsAscii.test(typed)) return [typed]
  return [...new Set([typed, typed.normalize('NFC'), typed.normalize('NFD')])]
}

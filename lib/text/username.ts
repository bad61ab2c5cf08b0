/** The characters outside ASCII whose only canonical equivalent is one of ASCII: `;`, `` ` `` and K (UAX #15, singletons). */
const equalsAscii = /[\u037e\u1fef\u212a]/

/**
 * A username in the one form under which it is counted: composed (NFC, as RFC 8265 §3.4 compares usernames). Unicode holds
 * the composed and the decomposed form for one text, and which of them a keyboard or a file system makes is an accident.
 * Look-alikes stay apart: neither case nor full-width letters nor ligatures are folded (CVE-2019-19844), and no character
 * outside ASCII becomes one of ASCII.
 */
export function canonicalUsername(typed: string): string {
  return equalsAscii.test(typed) ? typed : typed.normalize('NFC')
}

/**
 * The spellings under which a typed username may be stored: as it was typed, composed and decomposed. Three exact
 * comparisons, so that an index on the stored username serves them.
 */
export function usernameSpellings(typed: string): string[] {
  if (equalsAscii.test(typed)) return [typed]
  return [...new Set([typed, typed.normalize('NFC'), typed.normalize('NFD')])]
}

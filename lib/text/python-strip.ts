/** Matches white space as Python defines it: unlike in JavaScript, also U+001C to U+001F and U+0085, but not U+FEFF. */
const whiteSpace = /^[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/

/** Python's `str.isspace` for one character; false for the empty string. */
export function isWhiteSpace(character: string): boolean {
  return whiteSpace.test(character)
}

/** Python's `str.strip`. A pattern such as `\s+$` would take quadratic time on inner spaces. */
export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhiteSpace(text.charAt(start))) start += 1
  while (end > start && isWhiteSpace(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

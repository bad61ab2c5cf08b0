/** Escapes control and format characters, so that text from the database cannot control the terminal. */
export function escapeForTerminal(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
}

/** Characters that no rule turns into ASCII: surrogates, unassigned and private ones, Han and Hangul. */
const unfolded = /[\p{Cs}\p{Co}\p{Cn}\p{Script=Han}\p{Script=Hangul}]/u

/** The characters outside ASCII that Unicode turns into ASCII letters by case, compatibility forms, or without accents. */
export function foldings(): { lookAlikes: string[]; plain: string[] } {
  const bare = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '')
  const rules = [
    (text: string) => text.toLowerCase(),
    (text: string) => text.toUpperCase().toLowerCase(),
    (text: string) => text.normalize('NFKC').toLowerCase(),
    (text: string) => bare(text).toLowerCase(),
    (text: string) => bare(text.toLowerCase()),
  ]
  const folded = new Map<string, string>()
  for (let code = 0x80; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code)
    if (unfolded.test(character)) continue
    const letters = rules.map((fold) => fold(character)).find((text) => /^[a-z]+$/.test(text))
    if (letters !== undefined) folded.set(character, letters)
  }
  return { lookAlikes: [...folded.keys()], plain: [...new Set(folded.values())] }
}

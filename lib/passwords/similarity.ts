/** What a password is compared with. Any of it may be empty. */
export type PersonalFacts = {
  username: string
  email: string
  firstName: string
  lastName: string
  /** The whole name, where the users table has one column for it. */
  name: string
}

export type SimilarityProblem = {
  code: `too-similar-${'username' | 'first-name' | 'last-name' | 'name' | 'email'}`
}

/** In the order in which Django looks, since only the first hit is told. Django has no `name`. */
const attributes = [
  ['username', 'too-similar-username'],
  ['firstName', 'too-similar-first-name'],
  ['lastName', 'too-similar-last-name'],
  ['name', 'too-similar-name'],
  ['email', 'too-similar-email'],
] as const

const maxSimilarity = 0.7

/** Characters from which on a word has its letters in many a phrase, and must share their order too. */
const longWord = 9
const maxSharedPairs = 0.3

/**
 * The first fact about a person that a password resembles, as Django's UserAttributeSimilarityValidator sees it: by the
 * characters they have in common, whole or by word. Unlike Django, words of nine characters and more must share pairs of
 * neighbours too: otherwise one phrase of a thousand resembles a long address by chance.
 *
 * The password is counted once, however many words there are, so that the time taken is in proportion to the lengths and
 * needs none of Django's guard against long input (CVE-2021-45115).
 *
 * @returns undefined where it resembles none
 */
export function findSimilarityProblem(password: string, facts: PersonalFacts): SimilarityProblem | undefined {
  const characters = Array.from(password.toLowerCase())
  const supply = count(characters)
  const pairs = count(neighbours(characters))
  const hit = attributes.find(([attribute]) => {
    const value = facts[attribute].toLowerCase()
    return [...value.split(/[^\p{L}\p{N}_]+/u), value].some((part) => {
      const own = Array.from(part)
      const likeness = similarity(characters.length, supply, own)
      if (likeness < maxSimilarity || own.length < longWord) return likeness >= maxSimilarity
      return similarity(characters.length - 1, pairs, neighbours(own)) >= maxSharedPairs
    })
  })
  return hit && { code: hit[1] }
}

/** `difflib.SequenceMatcher(None, password, part).quick_ratio()`, of characters or of pairs. */
function similarity(passwordLength: number, supply: Map<string, number>, part: string[]): number {
  let common = 0
  for (const [character, times] of count(part)) common += Math.min(times, supply.get(character) ?? 0)
  return (2 * common) / (passwordLength + part.length)
}

function neighbours(characters: string[]): string[] {
  return characters.slice(1).map((character, at) => `${characters[at]}${character}`)
}

function count(characters: string[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const character of characters) times.set(character, (times.get(character) ?? 0) + 1)
  return times
}

/** The facts about a person that a password must not resemble. Each may be empty. */
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

/** In Django's order, because only the first similar fact is reported. Django has no `name`. */
const attributes = [
  ['username', 'too-similar-username'],
  ['firstName', 'too-similar-first-name'],
  ['lastName', 'too-similar-last-name'],
  ['name', 'too-similar-name'],
  ['email', 'too-similar-email'],
] as const

/** The share of common characters from which on a password resembles a fact (Django's `max_similarity`). */
const maxSimilarity = 0.7

/** The fewest characters of a long word, for which pairs are compared, too: many phrases contain all letters of a long word. */
const longWord = 9

/** The share of common pairs from which on a password resembles a long word. */
const maxSharedPairs = 0.3

/**
 * Finds the first fact that a password resembles, as Django's UserAttributeSimilarityValidator does. Unlike in Django, a long word must
 * also share pairs of characters: otherwise, some phrases resemble a long email address by chance.
 *
 * Takes linear time, and so needs no guard against long input (CVE-2021-45115).
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

/** Computes Python's `difflib.SequenceMatcher(None, password, part).quick_ratio()`, for characters or for pairs of them. */
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

/** What a password is compared with. Any of it may be empty. */
export type PersonalFacts = { username: string; email: string; firstName: string; lastName: string }

export type SimilarityProblem = {
  code: `too-similar-${'username' | 'first-name' | 'last-name' | 'email'}`
}

/** In the order in which Django looks, since only the first hit is told. */
const attributes = [
  ['username', 'too-similar-username'],
  ['firstName', 'too-similar-first-name'],
  ['lastName', 'too-similar-last-name'],
  ['email', 'too-similar-email'],
] as const

const maxSimilarity = 0.7

/**
 * The first fact about a person that a password resembles, as Django's UserAttributeSimilarityValidator sees it: by the
 * characters they have in common, whole or by word.
 *
 * The password is counted once, however many words there are, so that the time taken is in proportion to the lengths and
 * needs none of Django's guard against long input (CVE-2021-45115).
 *
 * @returns undefined where it resembles none
 */
export function findSimilarity(password: string, facts: PersonalFacts): SimilarityProblem | undefined {
  const characters = Array.from(password.toLowerCase())
  const supply = count(characters)
  const hit = attributes.find(([attribute]) => {
    const value = facts[attribute].toLowerCase()
    return [...value.split(/[^\p{L}\p{N}_]+/u), value].some((part) =>
      resembles(characters.length, supply, part),
    )
  })
  return hit && { code: hit[1] }
}

/** `difflib.SequenceMatcher(None, password, part).quick_ratio() >= 0.7` */
function resembles(passwordLength: number, supply: Map<string, number>, part: string): boolean {
  const characters = Array.from(part)
  let common = 0
  for (const [character, times] of count(characters)) common += Math.min(times, supply.get(character) ?? 0)
  return (2 * common) / (passwordLength + characters.length) >= maxSimilarity
}

function count(characters: string[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const character of characters) times.set(character, (times.get(character) ?? 0) + 1)
  return times
}

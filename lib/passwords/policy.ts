import { dictionary } from '@zxcvbn-ts/language-common'
import { strip } from '@/lib/text/python-strip'
import { isDerivative, nameForms } from './derivatives'
import type { PasswordFormat } from './hashers/password-format'
import { createPasswordRuleChecker, type RuleProblem, type RuleSettings } from './rules'
import { findSimilarityProblem, type PersonalFacts, type SimilarityProblem } from './similarity'
import { withoutDisguise } from './visible-text'

export type PolicyProblem = SimilarityProblem | { code: 'too-common' } | RuleProblem

/** The order of messages in the contract. */
const order: readonly PolicyProblem['code'][] = [
  'too-similar-username',
  'too-similar-email',
  'too-similar-first-name',
  'too-similar-last-name',
  'too-similar-name',
  'too-short',
  'too-common',
  'numeric',
  'too-long',
  'too-many-bytes',
  'outer-spaces',
]

const byOrder = (a: PolicyProblem, b: PolicyProblem) => order.indexOf(a.code) - order.indexOf(b.code)

export type PasswordPolicy = ReturnType<typeof createPasswordPolicy>

/** The names of the service, which a guesser tries first. */
export type ServiceNames = {
  appName: string
  /** The host of PUBLIC_URL. */
  host: string
}

/**
 * Creates the policy that the endpoint applies to passwords. `rules` is the part that a form shows, and from `ruleSettings` a
 * browser creates the same rules.
 *
 * @param normalise as in the password format
 * @throws Error if the least length exceeds the greatest
 */
export function createPasswordPolicy({
  appName,
  host,
  normalise,
  ...ruleSettings
}: RuleSettings & ServiceNames & { normalise?: PasswordFormat['normalise'] }) {
  const { minLength, longest } = ruleSettings
  if (longest !== undefined && longest.count < minLength)
    throw new Error(
      `PASSWORD_MIN_LENGTH is ${minLength}, but the password format takes ${longest.count} characters at most`,
    )
  const rules = createPasswordRuleChecker(ruleSettings, normalise)
  const ownWords = new Set([appName, appName.replace(/\s/g, '')].map(fold))
  const serviceNames = [appName, host]

  /** Whether the whole password is a common one. A phrase may contain common words (NIST: no check of substrings). */
  function isCommon(password: string): boolean {
    const folded = fold(password)
    return listed().has(folded) || ownWords.has(folded) || exhaustible.test(folded)
  }

  function isDerived(password: string, person: PersonalFacts): boolean {
    const names = nameForms([...serviceNames, ...factsOf(person)])
    return isDerivative(password, { minLength, names, isCommon: isCommonWord })
  }

  /**
   * Finds all problems of a password for this person, in the contract's order; empty if there is none. If the format normalises,
   * checks both the typed and the hashed text: otherwise full-width letters would hide a name from the policy.
   */
  function findProblems(password: string, person: PersonalFacts): PolicyProblem[] {
    const hashed = normalise?.(password) ?? password
    const problems = findTextProblems(password, person)
    if (hashed === password) return problems
    const codes = new Set(problems.map(({ code }) => code))
    return [...problems, ...findTextProblems(hashed, person).filter(({ code }) => !codes.has(code))].sort(
      byOrder,
    )
  }

  function findTextProblems(password: string, person: PersonalFacts): PolicyProblem[] {
    const similar = findSimilarityProblem(password, person)
    const problems: PolicyProblem[] = [
      ...(similar ? [similar] : []),
      ...(isCommon(password) ? [{ code: 'too-common' as const }] : []),
      ...rules.problems(password),
    ]
    // Only a password that would pass otherwise: so its length is limited, and other responses stay Django's.
    if (problems.every(({ code }) => code === 'outer-spaces') && isDerived(password, person))
      problems.push({ code: 'too-common' })
    return problems.sort(byOrder)
  }

  return { rules, ruleSettings, findProblems }
}

/** The most code points of a fact to compare: no person types more of one. */
const longestFact = 100

/** Lists a person's facts as names to search: of the email address also the part before the `@` and the domain. */
function factsOf({ username, email, firstName, lastName, name }: PersonalFacts): string[] {
  return [username, email, ...email.split('@'), firstName, lastName, name].map((fact) =>
    Array.from(fact.slice(0, 2 * longestFact))
      .slice(0, longestFact)
      .join(''),
  )
}

/** Folds a password as Django does for comparison: lower case, without outer white space. */
function fold(password: string): string {
  return strip(password.toLowerCase())
}

/** Matches up to three letters or digits. The list contains few of them, because attackers can try all. */
const exhaustible = /^[a-z0-9]{1,3}$/

let common: ReadonlySet<string> | undefined
let commonWords: ReadonlySet<string> | undefined

/** Returns the common passwords, unpacked on first use: about 50 000, 4 MB. */
function listed(): ReadonlySet<string> {
  return (common ??= new Set(dictionary['passwords-common']))
}

/** Whether a word without its disguise is a common password with at least three letters. */
function isCommonWord(plain: string): boolean {
  commonWords ??= new Set(
    dictionary['passwords-common']
      .filter((password) => password.replace(/[^a-z]/g, '').length >= 3)
      .map((password) => withoutDisguise(Array.from(password)).join('')),
  )
  return commonWords.has(plain)
}

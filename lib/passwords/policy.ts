import { dictionary } from '@zxcvbn-ts/language-common'
import { strip } from '@/lib/text/python-strip'
import { isDerivative, nameForms } from './derivatives'
import type { PasswordFormat } from './hashers/password-format'
import { createPasswordRules, type RuleProblem, type RuleSettings } from './rules'
import { findSimilarityProblem, type PersonalFacts, type SimilarityProblem } from './similarity'
import { withoutDisguise } from './visible-text'

export type PolicyProblem = SimilarityProblem | { code: 'too-common' } | RuleProblem

/** The contract's order of messages. */
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

/** What the service is called: the first things to guess. */
export type ServiceNames = {
  appName: string
  /** The host of the service's public address. */
  host: string
}

/**
 * The one policy that the endpoint judges by; `rules` is the part of it that a form shows, and `ruleSettings` is what makes
 * these rules in a browser.
 *
 * @param normalise the password format's own
 * @throws Error where no password is both long and short enough
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
  const rules = createPasswordRules(ruleSettings, normalise)
  const ownWords = new Set([appName, appName.replace(/\s/g, '')].map(fold))
  const serviceNames = [appName, host]

  /** Whether the whole password is one that everybody tries. A phrase may contain such words (NIST, no substring bans). */
  function isCommon(password: string): boolean {
    const folded = fold(password)
    return listed().has(folded) || ownWords.has(folded) || exhaustible.test(folded)
  }

  function isDerived(password: string, person: PersonalFacts): boolean {
    const names = nameForms([...serviceNames, ...factsOf(person)])
    return isDerivative(password, { minLength, names, isCommon: isCommonWord })
  }

  /**
   * All that is wrong with a password for this person, in the contract's order; empty where nothing is. Where the format
   * normalises, both what was typed and what is hashed must be good: full-width letters would hide a name from the policy.
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
    // Only what would pass otherwise: so the text has a greatest length, and other answers stay Django's.
    if (problems.every(({ code }) => code === 'outer-spaces') && isDerived(password, person))
      problems.push({ code: 'too-common' })
    return problems.sort(byOrder)
  }

  return { rules, ruleSettings, findProblems }
}

/** Code points of a fact that are looked at: nobody types more of one. */
const longestFact = 100

/** A person's facts as names to look for; of the address, the part before the `@` and the domain. */
function factsOf({ username, email, firstName, lastName, name }: PersonalFacts): string[] {
  return [username, email, ...email.split('@'), firstName, lastName, name].map((fact) =>
    Array.from(fact.slice(0, 2 * longestFact))
      .slice(0, longestFact)
      .join(''),
  )
}

/** As Django compares: without regard to case and outer white space. */
function fold(password: string): string {
  return strip(password.toLowerCase())
}

/** Up to three letters or digits. The list starts at three and has few of those: attackers need no list for them. */
const exhaustible = /^[a-z0-9]{1,3}$/

let common: ReadonlySet<string> | undefined
let commonWords: ReadonlySet<string> | undefined

/** The listed passwords, unpacked when first asked for: about 50 000, 4 MB. */
function listed(): ReadonlySet<string> {
  return (common ??= new Set(dictionary['passwords-common']))
}

/** Whether a word without its disguise is a listed password with three letters at least. */
function isCommonWord(plain: string): boolean {
  commonWords ??= new Set(
    dictionary['passwords-common']
      .filter((password) => password.replace(/[^a-z]/g, '').length >= 3)
      .map((password) => withoutDisguise(Array.from(password)).join('')),
  )
  return commonWords.has(plain)
}

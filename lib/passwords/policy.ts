import { dictionary } from '@zxcvbn-ts/language-common'
import { strip } from '@/lib/text/python-strip'
import { isDerivative, nameForms } from './derivatives'
import type { PasswordFormat } from './hashers/password-format'
import { createPasswordRuleChecker, type RuleProblem, type RuleSettings } from './rules'
import { findSimilarityProblem, type PersonalFacts, type SimilarityProblem } from './similarity'
import { withoutDisguise } from './visible-text'

export type PolicyProblem = SimilarityProblem | { code: 'too-common' } | RuleProblem

/** The order of problems in a response, similar to the order of Django's default validators. */
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

type ServiceNames = {
  appName: string
  /** The host name of PUBLIC_URL. */
  host: string
}

/** Creates the policy for new passwords. @throws Error if PASSWORD_MIN_LENGTH exceeds the limit of the password format */
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

  /** Checks the whole password: a phrase may contain common words (NIST SP 800-63B-4 §3.1.1.2: no check of substrings). */
  function isCommon(password: string): boolean {
    const folded = fold(password)
    return listed().has(folded) || ownWords.has(folded) || exhaustible.test(folded)
  }

  function isDerived(password: string, person: PersonalFacts): boolean {
    const names = nameForms([...serviceNames, ...factsOf(person)])
    return isDerivative(password, { minLength, names, isCommon: isCommonWord })
  }

  /** Finds the problems in the order of responses. Also checks the normalised text: full-width letters must not hide a name. */
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
    // Only if the password has no problem but outer spaces: then its length is bounded.
    if (problems.every(({ code }) => code === 'outer-spaces') && isDerived(password, person))
      problems.push({ code: 'too-common' })
    return problems.sort(byOrder)
  }

  return { rules, ruleSettings, findProblems }
}

/** The most code points of a fact that are searched for in a password. */
const longestFact = 100

function factsOf({ username, email, firstName, lastName, name }: PersonalFacts): string[] {
  return [username, email, ...email.split('@'), firstName, lastName, name].map((fact) =>
    Array.from(fact.slice(0, 2 * longestFact))
      .slice(0, longestFact)
      .join(''),
  )
}

/** Folds a password as Django does to look it up among common ones. */
function fold(password: string): string {
  return strip(password.toLowerCase())
}

/** Attackers can try all passwords of up to three ASCII letters or digits, but the list has few of them. */
const exhaustible = /^[a-z0-9]{1,3}$/

let common: ReadonlySet<string> | undefined
let commonWords: ReadonlySet<string> | undefined

function listed(): ReadonlySet<string> {
  return (common ??= new Set(dictionary['passwords-common']))
}

/** Whether a text is what `withoutDisguise` makes of a common password that has at least three letters from a to z. */
function isCommonWord(plain: string): boolean {
  commonWords ??= new Set(
    dictionary['passwords-common']
      .filter((password) => password.replace(/[^a-z]/g, '').length >= 3)
      .map((password) => withoutDisguise(Array.from(password)).join('')),
  )
  return commonWords.has(plain)
}

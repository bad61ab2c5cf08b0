import { dictionary } from '@zxcvbn-ts/language-common'
import { strip } from '@/lib/text/python-strip'
import { createPasswordRules, type RuleProblem, type RuleSettings } from './rules'
import { findSimilarity, type PersonalFacts, type SimilarityProblem } from './similarity'

export type PolicyProblem = SimilarityProblem | { code: 'too-common' } | RuleProblem

/** The contract's order of messages. */
const order: readonly PolicyProblem['code'][] = [
  'too-similar-username',
  'too-similar-email',
  'too-similar-first-name',
  'too-similar-last-name',
  'too-short',
  'too-common',
  'entirely-numeric',
  'too-long',
  'outer-spaces',
]

export type PasswordPolicy = ReturnType<typeof createPasswordPolicy>

/**
 * The one policy that the endpoint judges by; `rules` is the part of it that a form shows.
 *
 * @param appName the service's own name is the first thing to guess
 */
export function createPasswordPolicy({ appName, ...settings }: RuleSettings & { appName: string }) {
  const rules = createPasswordRules(settings)
  const ownWords = new Set([appName, appName.replace(/\s/g, '')].map(fold))

  /** Whether the whole password is one that everybody tries. A phrase may contain such words (NIST, no substring bans). */
  function isCommon(password: string): boolean {
    const folded = fold(password)
    return listed().has(folded) || ownWords.has(folded) || exhaustible.test(folded)
  }

  /** All that is wrong with a password for this person, in the contract's order; empty where nothing is. */
  function judge(password: string, person: PersonalFacts): PolicyProblem[] {
    const similar = findSimilarity(password, person)
    const problems: PolicyProblem[] = [
      ...(similar ? [similar] : []),
      ...(isCommon(password) ? [{ code: 'too-common' as const }] : []),
      ...rules.problems(password),
    ]
    return problems.sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code))
  }

  return { rules, judge }
}

/** As Django compares: without regard to case and outer white space. */
function fold(password: string): string {
  return strip(password.toLowerCase())
}

/** Up to three letters or digits. The list starts at three and has few of those: attackers need no list for them. */
const exhaustible = /^[a-z0-9]{1,3}$/

let common: ReadonlySet<string> | undefined

/** The listed passwords, unpacked when first asked for: about 50 000, 4 MB. */
function listed(): ReadonlySet<string> {
  return (common ??= new Set(dictionary['passwords-common']))
}

import { isWhiteSpace } from '@/lib/text/python-strip'
import type { PasswordFormat } from './hashers/password-format'

// These rules also run in the browser, so no Node APIs here.

/** Bounds the time of checking and hashing. Longer passwords are rejected, not truncated (NIST SP 800-63B-4 §3.1.1.2). */
export const mostCodePoints = 256

export type RuleProblem =
  | { code: 'too-short'; min: number }
  | { code: 'numeric' }
  | { code: 'too-long'; max: number }
  | { code: 'too-many-bytes'; max: number }
  | { code: 'outer-spaces' }

export type RuleSettings = {
  /** PASSWORD_MIN_LENGTH, in code points. */
  minLength: number
  /** `refuse` if the product's sign-in trims passwords: with an outer space, the owner could not sign in. */
  outerSpaces: 'keep' | 'refuse'
  /** The longest password that the format can hash; undefined if only `mostCodePoints` applies. */
  longest?: PasswordFormat['limit']
}

export type PasswordRuleChecker = ReturnType<typeof createPasswordRuleChecker>

/** Creates the checker of the rules that a form can show. The result of `normalise` must keep the format's limit, too. */
export function createPasswordRuleChecker(
  { minLength, outerSpaces, longest }: RuleSettings,
  normalise: PasswordFormat['normalise'] = (password) => password,
) {
  const bytes = longest?.unit === 'bytes' ? longest.count : Infinity
  const units = longest?.unit === 'utf16' ? longest.count : Infinity
  const max = Math.min(mostCodePoints, units)
  const exceeds = (password: string, count: (text: string) => number, most: number) =>
    count(password) > most || (most < Infinity && count(normalise(password)) > most)
  const isTooLong = (password: string) =>
    lengthOf(password) > mostCodePoints || exceeds(password, (text) => text.length, units)
  const rules: { problem: RuleProblem; breaks: (password: string) => boolean }[] = [
    { problem: { code: 'too-short', min: minLength }, breaks: (password) => lengthOf(password) < minLength },
    { problem: { code: 'numeric' }, breaks: (password) => digits.test(password) },
  ]
  // With a limit of 256 bytes or less, this rule would be redundant, because a code point has at least one byte.
  if (bytes > mostCodePoints) rules.push({ problem: { code: 'too-long', max }, breaks: isTooLong })
  if (bytes < Infinity)
    rules.push({
      problem: { code: 'too-many-bytes', max: bytes },
      breaks: (password) => exceeds(password, bytesOf, bytes),
    })
  if (outerSpaces === 'refuse') rules.push({ problem: { code: 'outer-spaces' }, breaks: hasOuterSpace })

  return {
    /**
     * `minlength` counts UTF-16 units, so it rejects no password that the server accepts. A `maxlength` would silently truncate a pasted
     * password. `passwordrules` asks password managers for a lower-case letter, because a numeric password is rejected.
     */
    attributes: {
      minLength,
      // The allowed characters have one byte each, so the limit in bytes is one in characters.
      passwordrules: `minlength: ${minLength}; maxlength: ${Math.min(max, bytes)}; required: lower; allowed: upper, digit, [-];`,
    },
    /** Returns the rules in the order to show them. */
    checklist: (password: string): { problem: RuleProblem; kept: boolean }[] =>
      rules.map(({ problem, breaks }) => ({ problem, kept: !breaks(password) })),
    problems: (password: string): RuleProblem[] =>
      rules.filter(({ breaks }) => breaks(password)).map(({ problem }) => problem),
  }
}

/** Counts code points: an emoji of two UTF-16 units counts once (NIST SP 800-63B-4 §3.1.1.2). */
function lengthOf(password: string): number {
  return Array.from(password).length
}

function bytesOf(password: string): number {
  return new TextEncoder().encode(password).length
}

/** Matches what Python's `str.isdigit` accepts, which Django uses: also superscripts and digits in a circle. */
const digits =
  /^[\p{Nd}\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u

function hasOuterSpace(password: string): boolean {
  return isWhiteSpace(password.charAt(0)) || isWhiteSpace(password.slice(-1))
}

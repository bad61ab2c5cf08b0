/** A page's query as Next hands it over: a repeated parameter is a list. */
export type Query = Record<string, string | string[] | undefined>

/**
 * What a form that was sent without JavaScript comes back with: `?problem=` and codes of these closed lists. Nothing
 * typed travels in a URL, so the words are the page's own.
 */
export const troubles = [
  'throttled',
  'unavailable',
  'second-factor-required',
  'second-factor-exhausted',
  'refused',
] as const
export const loginProblems = ['login-required', 'login-blank', 'login-invalid', 'login-unknown'] as const
export const passwordProblems = [
  'password-required',
  'password-blank',
  'password-too-short',
  'password-too-long',
  'password-too-common',
  'password-entirely-numeric',
  'password-too-similar',
  'password-breached',
  'password-outer-spaces',
  'password-invalid',
] as const
export const confirmProblems = ['confirm-required', 'confirm-mismatch'] as const

export type Trouble = (typeof troubles)[number]
export type LoginProblem = (typeof loginProblems)[number]
export type PasswordProblem = (typeof passwordProblems)[number]
export type ConfirmProblem = (typeof confirmProblems)[number]

/** The problems of `known` that the parameter names, each once and in the order of `known`; unknown codes are nobody's. */
export function readProblems<Code extends string>(
  parameter: string | string[] | undefined,
  known: readonly Code[],
): Code[] {
  const named = new Set([parameter ?? []].flat().flatMap((text) => text.split(',')))
  return known.filter((code) => named.has(code))
}

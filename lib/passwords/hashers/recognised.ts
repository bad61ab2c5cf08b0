import type { PasswordFormat } from './password-format'

/**
 * Creates a format that is only recognised, so that a reset may replace its hashes. Its `verify` always returns false, and its `hash`
 * rejects.
 *
 * @param pattern matches the stored values of this format
 */
export function recognisedFormat(name: string, pattern: RegExp): PasswordFormat {
  return {
    name,
    matches: (stored) => pattern.test(stored),
    hash: async () => {
      throw new Error(`The format ${name} is only recognised.`)
    },
    verify: async () => false,
    normalise: (password) => password,
    longestOutput: 0,
    cost: { milliseconds: 0, mebibytes: 0 },
  }
}

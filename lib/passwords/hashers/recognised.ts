import type { PasswordFormat } from './password-format'

/** Creates a format that is only recognised, so that a reset may replace its hashes. `verify` returns false, and `hash` rejects. */
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

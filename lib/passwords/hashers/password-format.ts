/**
 * A format in which a users table stores passwords: how a hash is written, recognised and verified. The product that owns the
 * table must understand what `hash` returns, and see no need to hash the password again at the next sign-in.
 */
export type PasswordFormat = {
  /** The name of the scheme and its parameters, such as `pbkdf2_sha256, 1000000 iterations`. It contains no secret. */
  readonly name: string
  /** Whether a stored value is of this scheme, whatever its cost. */
  matches(stored: string): boolean
  /** Normalises a password and hashes it with a new salt. Rejects if the format cannot hash the password. */
  hash(password: string): Promise<string>
  /** Whether a stored value is the hash of a password; false for a value of another scheme. */
  verify(password: string, stored: string): Promise<boolean>
  /** Returns the text that the product hashes instead of the typed password, such as its NFKC form. */
  normalise(password: string): string
  /** The length of the longest value that `hash` returns, in characters. */
  readonly longestOutput: number
  /**
   * The longest password that the format takes, as typed and after `normalise`: the product would cut or reject a longer one. Undefined
   * if there is no limit.
   */
  readonly limit?: { count: number; unit: 'bytes' | 'utf16' }
  /** The time of one hash on one core of a server, and its memory. The hash queue limits concurrent and waiting hashes by this cost. */
  readonly cost: { milliseconds: number; mebibytes: number }
  /**
   * A keyed hash of secret options such as a pepper. It is part of the mapping's fingerprint, so that a changed pepper needs a
   * new check by `npm run accounts -- check`.
   */
  readonly fingerprint?: string
}

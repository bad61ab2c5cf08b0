/**
 * A scheme in which a users table stores passwords: how it is written, recognised and verified. The product that owns the
 * table must understand what `hash` returns, and see no need to hash it again at the next sign-in.
 */
export type PasswordFormat = {
  /** The scheme with its parameters, such as `pbkdf2_sha256, 1000000 iterations`. Never a secret. */
  readonly name: string
  /** Whether a stored value is of this scheme, whatever its cost. */
  matches(stored: string): boolean
  /** Normalises a password and hashes it with a new salt. */
  hash(password: string): Promise<string>
  /** Whether a password is the one that was hashed; false for a value of another scheme. */
  verify(password: string, stored: string): Promise<boolean>
  /** Returns the text that the product hashes instead of the typed password, such as its NFKC form. */
  normalise(password: string): string
  /** Characters of the longest value that `hash` returns. */
  readonly longestOutput: number
  /** The longest password that the scheme takes, as typed and after `normalise`; more would be cut or refused at sign-in. */
  readonly limit?: { count: number; unit: 'bytes' | 'utf16' }
  /** The time of one hash on a core of a server, and its memory. The hash queue plans with them. */
  readonly cost: { milliseconds: number; mebibytes: number }
  /**
   * A keyed hash of secret options such as a pepper. It is part of the mapping's fingerprint, so that a changed pepper needs a
   * new check by `npm run accounts -- check`.
   */
  readonly fingerprint?: string
}

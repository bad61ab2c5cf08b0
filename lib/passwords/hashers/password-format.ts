/**
 * A scheme in which a users table stores passwords: how it is written, recognised and verified. The product that owns the
 * table must understand what `hash` returns, and see no need to hash it again at the next sign-in.
 */
export type PasswordFormat = {
  /** The scheme with its parameters, such as `pbkdf2_sha256, 1000000 iterations`. Never a secret. */
  readonly name: string
  /** Whether a stored value is of this scheme, whatever its cost. */
  matches(stored: string): boolean
  /** Hashes a password with a fresh salt. It is normalised here, not by the caller. */
  hash(password: string): Promise<string>
  /** Whether a password is the one that was hashed; false for a value of another scheme. */
  verify(password: string, stored: string): Promise<boolean>
  /** What the product hashes in place of the password, such as its NFKC form. */
  normalise(password: string): string
  /** Characters of the longest value that `hash` returns. */
  readonly longestOutput: number
  /** The longest password that the scheme takes, as typed and after `normalise`; more would be cut or refused at sign-in. */
  readonly limit?: { count: number; unit: 'bytes' | 'utf16' }
  /** What one hash takes on a core of a server: the hash queue plans with it. */
  readonly cost: { milliseconds: number; mebibytes: number }
  /**
   * Says of secret options, such as a pepper, whether they are the ones of the proof, without revealing them. Part of the
   * mapping's fingerprint.
   */
  readonly fingerprint?: string
}

/** A format of stored passwords. The product must understand what `hash` returns, and not hash it again at the next sign-in. */
export type PasswordFormat = {
  /** The scheme and its parameters, such as `pbkdf2_sha256, 1000000 iterations`, without a secret. */
  readonly name: string
  /** Whether a stored value is of this scheme, whatever its cost. */
  matches(stored: string): boolean
  /** Normalises a password and hashes it with a new salt. Rejects if the format cannot hash the password. */
  hash(password: string): Promise<string>
  /** Returns false for a value of another scheme. */
  verify(password: string, stored: string): Promise<boolean>
  /** Returns the text that the product hashes instead of the typed password, such as its NFKC form. */
  normalise(password: string): string
  /** In characters. */
  readonly longestOutput: number
  /** The longest password, as typed and after `normalise`; the product would cut or reject a longer one. Undefined: no limit. */
  readonly limit?: { count: number; unit: 'bytes' | 'utf16' }
  /** The time of one hash on one core of a server, and its memory. */
  readonly cost: { milliseconds: number; mebibytes: number }
  /** A keyed hash of secret options such as a pepper: a changed one needs a new `npm run accounts -- check`. */
  readonly fingerprint?: string
}

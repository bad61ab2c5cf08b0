import type { UsersMapping } from '@/lib/accounts/users-table'
import { djangoArgon2, djangoPbkdf2, type DjangoArgon2Options } from '@/lib/passwords/hashers/django'
import { recognisedFormat } from '@/lib/passwords/hashers/recognised'
import { siblingTable, rejectOtherValues, rejectUnsetOptions } from './options'

/** Iterations of PBKDF2PasswordHasher by version, from Django's release notes. */
const iterationsOf = {
  '3.2': 260_000,
  '4.0': 320_000,
  '4.1': 390_000,
  '4.2': 600_000,
  '5.0': 720_000,
  '5.1': 870_000,
  '5.2': 1_000_000,
  '6.0': 1_200_000,
  '6.1': 1_500_000,
} as const

/** Formats of Django that Rekey only recognises, so that a reset may replace their hashes. */
const otherHashers = [
  recognisedFormat('pbkdf2_sha1', /^pbkdf2_sha1\$\d+\$/),
  recognisedFormat('bcrypt_sha256', /^bcrypt_sha256\$\$2[aby]\$/),
  recognisedFormat('bcrypt', /^bcrypt\$\$2[aby]\$/),
  recognisedFormat('scrypt', /^scrypt\$\d+\$/),
  recognisedFormat('md5', /^md5\$/),
]

type DjangoOptions = {
  /** Django's version, which decides the iterations of its PBKDF2PasswordHasher. Give either this or `iterations`. */
  version?: keyof typeof iterationsOf
  /** The iterations of the product's own subclass of PBKDF2PasswordHasher. */
  iterations?: number
  /** The first hasher in PASSWORD_HASHERS, by default `pbkdf2_sha256`. `argon2` needs `argon2-cffi` in the product. */
  hasher?: 'pbkdf2_sha256' | 'argon2'
  /** Parameters that differ from Django's: of a subclass of Argon2PasswordHasher, or `{ hashLength: 16 }` for `argon2-cffi` before 21.2. */
  argon2?: DjangoArgon2Options
  /** The table of AUTH_USER_MODEL; by default `auth_user`. */
  table?: string
  /** The column of USERNAME_FIELD; by default `username`. Write `email` for a table without usernames. */
  username?: string
  /** Tables of API tokens with a column `user_id`; by default `authtoken_token` of Django REST framework, if it exists. */
  tokens?: readonly string[]
}

/**
 * Returns the mapping of Django's `contrib.auth`, or of a user model with the same columns. Sessions end by themselves, because each
 * contains a MAC of the stored hash. With other iterations than the product's, Django hashes the password again at the next sign-in, which
 * invalidates one-time links.
 *
 * @throws Error if an option has no value or an invalid one, or unless either version or iterations is given
 */
export function django(options: DjangoOptions): UsersMapping {
  rejectUnsetOptions('django', options)
  const {
    version,
    iterations,
    hasher = 'pbkdf2_sha256',
    table = 'auth_user',
    username = 'username',
  } = options
  rejectOtherValues('django', 'hasher', hasher, ['pbkdf2_sha256', 'argon2'])
  if ((version === undefined) === (iterations === undefined))
    throw new Error("django() needs either version, such as { version: '5.2' }, or iterations.")
  const count = iterations ?? (version && iterationsOf[version])
  if (count === undefined)
    throw new Error(`django() knows no iterations of version ${version}: give iterations instead.`)
  const pbkdf2 = djangoPbkdf2({ iterations: count })
  const argon2 = djangoArgon2(options.argon2)
  return {
    table,
    id: 'id',
    ...(username === 'email' ? {} : { username, usernameStored: 'nfkc' as const }),
    email: 'email',
    firstName: 'first_name',
    lastName: 'last_name',
    createdAt: 'date_joined',
    active: [{ column: 'is_active', is: true }],
    password: {
      column: 'password',
      format: hasher === 'argon2' ? argon2 : pbkdf2,
      accepts: [hasher === 'argon2' ? pbkdf2 : argon2, ...otherHashers],
      none: [{ column: 'password', startsWith: '!' }],
    },
    end: options.tokens
      ? options.tokens.map((token) => ({ table: siblingTable(table, token), user: 'user_id' }))
      : [{ table: siblingTable(table, 'authtoken_token'), user: 'user_id', ifPresent: true }],
  }
}

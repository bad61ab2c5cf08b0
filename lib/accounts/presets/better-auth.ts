import type { Condition, UsersMapping } from '@/lib/accounts/users-table'
import { betterAuthScrypt } from '@/lib/passwords/hashers/better-auth'
import { rejectEmptyOptions } from './options'

export type BetterAuthOptions = {
  /** How columns are spelled: `camel` by its own migrations and Prisma, `snake` by its Drizzle generator. */
  columns?: 'camel' | 'snake'
  /** The schema of its tables. */
  schema?: string
  /** The plugin `admin`: banned users are not active. */
  admin?: boolean
  /** The plugin `username`. */
  username?: boolean
  /** `requireEmailVerification` is on: an account whose email address is not verified cannot sign in. */
  requireEmailVerification?: boolean
}

/**
 * better-auth with passwords by its own scrypt (`emailAndPassword` without a `password.hash` of the team's). Ends the rows of
 * `session` and open reset links. It cannot end sessions in `secondaryStorage`, or cached in a cookie (`cookieCache`): use
 * `passwordChanged` for these.
 *
 * @throws Error that names an option without a value
 */
export function betterAuth(options: BetterAuthOptions = {}): UsersMapping {
  rejectEmptyOptions('betterAuth', options)
  const { columns = 'camel', schema = 'public', admin, username, requireEmailVerification } = options
  const column = (camel: string) =>
    columns === 'camel' ? camel : camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const table = (name: string) => `${schema}.${name}`
  const banned: Condition = {
    any: [
      { column: 'banned', isNot: true },
      { column: column('banExpires'), isPast: true },
    ],
  }
  return {
    table: table('user'),
    id: 'id',
    ...(username ? { username: 'username', usernameStored: 'lowercase' as const } : {}),
    email: 'email',
    emailStored: 'lowercase',
    name: 'name',
    createdAt: column('createdAt'),
    active: [
      ...(admin ? [banned] : []),
      ...(requireEmailVerification ? [{ column: column('emailVerified'), is: true }] : []),
    ],
    password: {
      column: 'password',
      in: {
        table: table('account'),
        user: column('userId'),
        where: { [column('providerId')]: 'credential' },
      },
      format: betterAuthScrypt(),
    },
    set: { [column('updatedAt')]: 'now' },
    end: [
      { table: table('session'), user: column('userId') },
      {
        table: table('verification'),
        user: 'value',
        where: [{ column: 'identifier', startsWith: 'reset-password:' }],
        holds: 'reset-links',
      },
    ],
  }
}

import type { Condition, UsersMapping } from '@/lib/accounts/users-table'
import { betterAuthScrypt } from '@/lib/passwords/hashers/better-auth'
import { rejectOtherValues, rejectUnsetOptions } from './options'

type BetterAuthOptions = {
  /** How columns are spelled: `camel` (the default) by better-auth's migrations and Prisma, `snake` by its Drizzle generator. */
  columns?: 'camel' | 'snake'
  /** The schema of better-auth's tables; by default `public`. */
  schema?: string
  /** Whether the plugin `admin` is used. A banned user is then not active until the ban expires. */
  admin?: boolean
  username?: boolean
  /** Whether only accounts with a verified email address are active. */
  requireEmailVerification?: boolean
}

/**
 * Returns the mapping of better-auth with its own scrypt hashes. `passwordChanged` must end sessions in `secondaryStorage`. A session in
 * a cookie (`cookieCache`) stays valid until the cookie's `maxAge` has passed.
 *
 * @throws Error if an option has no value or an invalid one
 */
export function betterAuth(options: BetterAuthOptions = {}): UsersMapping {
  rejectUnsetOptions('betterAuth', options)
  const { columns = 'camel', schema = 'public', admin, username, requireEmailVerification } = options
  rejectOtherValues('betterAuth', 'columns', columns, ['camel', 'snake'])
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

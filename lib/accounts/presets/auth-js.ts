import type { UsersMapping } from '@/lib/accounts/users-table'
import type { PasswordFormat } from '@/lib/passwords/hashers/password-format'
import { rejectUnsetOptions } from './options'

type AuthJsOptions = {
  /** The users table: `User` with Prisma, `user` with Drizzle, `users` with the PostgreSQL adapter. */
  table: string
  /** The column that the team added for the hash. */
  password: string
  /** The format that the team's `authorize` verifies, such as `bcrypt({ cost: 10, version: '2b' })`. */
  format: PasswordFormat
  /** Such as Prisma's `updatedAt`. A reset sets it, too. */
  updatedAt?: string
  createdAt?: string
}

/**
 * Returns the mapping of Auth.js (NextAuth) with the Credentials provider. Its sessions are JWTs: to end them, the app's `jwt` callback
 * must compare them with a column that a reset changes, or `passwordChanged` must revoke them.
 *
 * @throws Error that names an option that is undefined, NaN or an empty text
 */
export function authJs(options: AuthJsOptions): UsersMapping {
  rejectUnsetOptions('authJs', options)
  const { table, password, format, updatedAt, createdAt } = options
  return {
    table,
    id: 'id',
    email: 'email',
    name: 'name',
    ...(createdAt === undefined ? {} : { createdAt }),
    active: [],
    password: { column: password, format },
    ...(updatedAt === undefined ? {} : { set: { [updatedAt]: 'now' as const } }),
  }
}

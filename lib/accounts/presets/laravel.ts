import type { UsersMapping } from '@/lib/accounts/users-table'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { siblingTable, rejectOtherValues, rejectUnsetOptions } from './options'

type LaravelOptions = {
  /** Laravel's BCRYPT_ROUNDS; by default 12. */
  rounds?: number
  /** Where SESSION_DRIVER keeps sessions, by default `database`. A reset can end only sessions in the database. */
  sessions?: 'database' | 'elsewhere'
  /** Whether the model uses SoftDeletes. A deleted user is then not active. */
  softDeletes?: boolean
  /** The model's class name in Sanctum's `tokenable_type`, such as `App\\Models\\User`. A reset then deletes the user's tokens. */
  sanctum?: string
  /** The table of the model; by default `users`. */
  table?: string
}

/**
 * Returns the mapping of Laravel's users table with bcrypt. The new `remember_token` ends remember-me cookies. Sessions outside the
 * database stay valid unless the app runs the middleware `auth.session`.
 *
 * @throws Error if an option has no value or an invalid one
 */
export function laravel(options: LaravelOptions = {}): UsersMapping {
  rejectUnsetOptions('laravel', options)
  const { rounds = 12, sessions = 'database', softDeletes, sanctum, table = 'users' } = options
  rejectOtherValues('laravel', 'sessions', sessions, ['database', 'elsewhere'])
  return {
    table,
    id: 'id',
    email: 'email',
    name: 'name',
    createdAt: 'created_at',
    active: softDeletes ? [{ column: 'deleted_at', is: null }] : [],
    password: { column: 'password', format: bcrypt({ cost: rounds, version: '2y' }) },
    set: { remember_token: { random: 60 }, updated_at: 'now' },
    end: [
      ...(sessions === 'database' ? [{ table: siblingTable(table, 'sessions'), user: 'user_id' }] : []),
      // Laravel 9 and older have `password_resets`, newer ones `password_reset_tokens`.
      ...['password_reset_tokens', 'password_resets'].map((tokens) => ({
        table: siblingTable(table, tokens),
        user: 'email',
        by: 'email' as const,
        holds: 'reset-links' as const,
        ifPresent: true,
      })),
      ...(sanctum
        ? [
            {
              table: siblingTable(table, 'personal_access_tokens'),
              user: 'tokenable_id',
              where: [{ column: 'tokenable_type', is: sanctum }],
            },
          ]
        : []),
    ],
  }
}

import type { UsersMapping } from '@/lib/accounts/users-table'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { siblingTable, rejectUnsetOptions } from './options'

type RailsOptions = {
  /** The cost of `ActiveModel::SecurePassword`, which is `BCrypt::Engine.cost`; by default 12. */
  cost?: number
  /** The table of the model; by default `users`. */
  table?: string
  /** The table of sessions that `bin/rails generate authentication` creates; by default `sessions`. */
  sessions?: string
}

/** Returns the mapping of Rails 8's authentication (`has_secure_password`). @throws Error if an option has no value or is out of range */
export function rails(options: RailsOptions = {}): UsersMapping {
  rejectUnsetOptions('rails', options)
  const { cost = 12, table = 'users', sessions = 'sessions' } = options
  return {
    table,
    id: 'id',
    email: 'email_address',
    emailStored: 'lowercase',
    createdAt: 'created_at',
    active: [],
    password: { column: 'password_digest', format: bcrypt({ cost, version: '2a' }) },
    set: { updated_at: 'now' },
    end: [{ table: siblingTable(table, sessions), user: 'user_id' }],
  }
}

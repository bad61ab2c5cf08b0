import type { UsersMapping } from '@/lib/accounts/users-table'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { rejectUnsetOptions } from './options'

type DeviseOptions = {
  /** Devise's `config.pepper`. Leave it out only if the product has none. */
  pepper?: string
  /** Devise's `config.stretches`; by default 12. */
  cost?: number
  /** The table of the model; by default `users`. */
  table?: string
  /** Whether the model is `confirmable` with `reconfirmable`. A reset then discards an unconfirmed change of the email address. */
  reconfirmable?: boolean
  /** Whether the table has a column `remember_token`, from an older Devise. A reset then empties it. */
  rememberToken?: boolean
}

/**
 * Returns the mapping of Devise's `database_authenticatable`. A reset ends sessions without deleting rows: they contain the start of the
 * hash. Every account counts as active: add the app's own rule (`active_for_authentication?`) as `{ ...devise(), active: […] }`.
 *
 * @throws Error if an option has no value (such as a pepper whose variable is missing) or is out of range
 */
export function devise(options: DeviseOptions = {}): UsersMapping {
  rejectUnsetOptions('devise', options)
  const { pepper, cost = 12, table = 'users', reconfirmable, rememberToken } = options
  return {
    table,
    id: 'id',
    email: 'email',
    emailStored: 'lowercase',
    createdAt: 'created_at',
    active: [],
    password: {
      column: 'encrypted_password',
      format: bcrypt({ cost, version: '2a', ...(pepper === undefined ? {} : { pepper }) }),
    },
    set: {
      reset_password_token: null,
      reset_password_sent_at: null,
      updated_at: 'now',
      ...(reconfirmable ? { unconfirmed_email: null } : {}),
      ...(rememberToken ? { remember_token: null } : {}),
    },
  }
}

import type { UsersMapping } from '@/lib/accounts/users-table'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'
import { rejectEmptyOptions } from './options'

export type DeviseOptions = {
  /** `config.pepper`. Leave it out only if the product has none. */
  pepper?: string
  /** `config.stretches`. */
  cost?: number
  /** The table of the model. */
  table?: string
  /** The model is `confirmable` with `reconfirmable`: a reset discards an unconfirmed change of the email address. */
  reconfirmable?: boolean
  /** The model has a column `remember_token`, from an older Devise. */
  rememberToken?: boolean
}

/**
 * Devise's `database_authenticatable`. A changed password ends sessions and remember-me cookies by itself, because both
 * contain the start of the hash. Which accounts are active is the app's own rule (`active_for_authentication?`): add it as
 * `{ ...devise(), active: […] }`.
 *
 * @throws Error that names an option without a value, such as a pepper whose variable is missing
 */
export function devise(options: DeviseOptions = {}): UsersMapping {
  rejectEmptyOptions('devise', options)
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

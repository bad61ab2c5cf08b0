import { authJs } from '@/lib/accounts/presets/auth-js'
import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { devise } from '@/lib/accounts/presets/devise'
import { django } from '@/lib/accounts/presets/django'
import { laravel } from '@/lib/accounts/presets/laravel'
import { rails } from '@/lib/accounts/presets/rails'
import { usersTable, type UsersMapping } from '@/lib/accounts/users-table'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { bcrypt } from '@/lib/passwords/hashers/bcrypt'

// A separate build compiles this file in, so it imports only what a team's `rekey.config.ts` may import.

/** Few, because each test needs several hashes. */
export const djangoIterations = 150_000

/** Below the default, for the same reason. The products have it, too. */
export const bcryptCost = 10

export const devisePepper = 'a pepper of this test'

export const laravelUser = 'App\\Models\\User'

/** The parameters of `argon2id()` without options. */
export const phpArgon2id = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const mappings = {
  django: (schema: string) => django({ table: `${schema}.auth_user`, iterations: djangoIterations }),
  // With plugins only in a separate schema, so that the tests run with and without them.
  betterAuth: (schema: string) =>
    betterAuth({ schema, ...(schema !== 'public' && { admin: true, username: true }) }),
  devise: (schema: string) => ({
    ...devise({ table: `${schema}.users`, cost: bcryptCost, pepper: devisePepper }),
    active: [{ column: 'deleted_at', is: null }],
  }),
  rails: (schema: string) => rails({ table: `${schema}.users`, cost: bcryptCost }),
  laravel: (schema: string) =>
    laravel({ table: `${schema}.users`, rounds: bcryptCost, softDeletes: true, sanctum: laravelUser }),
  authJs: (schema: string) =>
    authJs({
      table: `${schema}.User`,
      password: 'password',
      format: bcrypt({ cost: bcryptCost, version: '2b' }),
      updatedAt: 'updatedAt',
    }),
  usersTable: (schema: string) =>
    usersTable({
      table: `${schema}.people`,
      id: 'person_id',
      email: 'mail',
      emailStored: 'lowercase',
      active: [{ column: 'state', is: 'Y' }],
      password: { column: 'pw', format: argon2id(phpArgon2id) },
      set: { changed_at: 'now' },
      end: [{ table: `${schema}.logins`, user: 'person_id' }],
    }),
} satisfies Record<string, (schema: string) => UsersMapping>

export type PresetName = keyof typeof mappings

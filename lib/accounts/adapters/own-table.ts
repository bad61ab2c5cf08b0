import type { SchemaNames } from '@/lib/config/schema-names'
import type { Database } from '@/lib/database/pool'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { recognisedFormat } from '@/lib/passwords/hashers/recognised'
import { Prisma } from '@/prisma/client/client'
import type { Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import type { UsersMapping } from '@/lib/accounts/users-table'
import { createSqlAccountStore } from './sql-store'

/** `AccountStore.identity` of Rekey's own table, which must not depend on the name of its schema. */
export const ownIdentity = ''

export type NewAccount = Pick<
  Account,
  'username' | 'email' | 'firstName' | 'lastName' | 'passwordHash' | 'isActive' | 'locale'
>

export class UsernameTaken extends Error {
  constructor() {
    super('This username is taken.')
    this.name = 'UsernameTaken'
  }
}

/** Lets a reset replace a hash in an unknown format, such as one of an older system. */
const anythingElse = recognisedFormat('anything else', /^/)

export function ownUsersMapping({ own }: SchemaNames): UsersMapping {
  return {
    table: `${own}.users`,
    id: 'id',
    username: 'username',
    email: 'email',
    firstName: 'first_name',
    lastName: 'last_name',
    locale: 'locale',
    active: [{ column: 'is_active', is: true }],
    password: {
      column: 'password',
      format: argon2id(),
      accepts: [anythingElse],
      none: [{ column: 'password', startsWith: '!' }],
      changedAt: 'password_changed_at',
    },
  }
}

export type OwnAccounts = AccountStore & {
  /** @returns the new account's id @throws UsernameTaken */
  add(account: NewAccount): Promise<string>
  /** If `is_active` changes, a trigger revokes the account's links. @returns false if no account has this username */
  setActive(username: string, isActive: boolean): Promise<boolean>
}

export function createOwnAccounts(
  database: Pick<Database, 'prisma' | 'queries' | 'names' | 'schemas' | 'transaction'>,
): OwnAccounts {
  const { prisma, schemas } = database
  return {
    ...createSqlAccountStore(database, ownUsersMapping(schemas), ownIdentity),
    async add(account) {
      try {
        const { id } = await prisma.account.create({ data: account, select: { id: true } })
        return id
      } catch (error) {
        if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002')
          throw new UsernameTaken()
        throw error
      }
    },
    async setActive(username, isActive) {
      const { count } = await prisma.account.updateMany({ where: { username }, data: { isActive } })
      return count === 1
    },
  }
}

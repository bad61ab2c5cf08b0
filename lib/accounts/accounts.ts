import { canonicalEmail, lookupForms } from '@/lib/addresses/email-address'
import type { Database, Transaction } from '@/lib/database/pool'
import { epochMilliseconds, toDate } from '@/lib/database/instants'
import type { Account, LinkState } from './account'
import { usernameSpellings } from '@/lib/text/username'
import { Prisma } from '@/prisma/client/client'

export type NewAccount = Pick<
  Account,
  'username' | 'email' | 'firstName' | 'lastName' | 'passwordHash' | 'isActive' | 'locale'
>

/** What a login may be compared with. */
export type LoginFields = readonly ('username' | 'email')[]

/**
 * The longest login that an account is looked for by, in UTF-16 code units: 64 of a mailbox, an @ and 255 of a domain
 * (RFC 5321 §4.5.3.1). A username has 150 at most, as in Django.
 */
export const longestLogin = 320

/** Ids that a look-up of one address reads at most. */
const mostIds = 1000

export class UsernameTaken extends Error {
  constructor() {
    super('This username is taken.')
    this.name = 'UsernameTaken'
  }
}

/** An account as SQL has it: an instant is milliseconds, and Rekey may have no row about it yet. */
type Row = Omit<Account, 'linksEpoch' | 'passwordChangedAt'> & {
  passwordChangedAt: bigint | null
  linksEpoch: number | null
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Accounts = ReturnType<typeof createAccounts>

/**
 * The only part that reads or writes accounts. An account is read together with what Rekey itself knows about it
 * (`lib/recovery`), in one statement.
 */
export function createAccounts({ prisma, names }: Pick<Database, 'prisma' | 'names'>) {
  const { users, recovery } = names
  const columns = Prisma.sql`
    u."id", u."username", u."email", u."first_name" AS "firstName", u."last_name" AS "lastName",
    u."password" AS "passwordHash", u."is_active" AS "isActive", u."locale",
    ${epochMilliseconds(Prisma.sql`u."password_changed_at"`)} AS "passwordChangedAt", r."links_epoch" AS "linksEpoch"`
  const from = Prisma.sql`FROM ${users} u LEFT JOIN ${recovery} r ON r."account_id" = u."id"::text`

  /**
   * The accounts that a typed login names: usernames exactly, but for the two ways in which Unicode spells an accented letter;
   * addresses by their canonical form. What SQL found is compared once more here, so that no folding or collation of the
   * database decides who gets an email. Where two accounts differ in that spelling alone, both are found, and each gets its
   * own email.
   *
   * Of an address, only accounts that `mayReset` are found, and of many only some; so what is read is bounded
   * however many there are.
   *
   * @param choose which of an address's accounts, by their ids, oldest first; all that were read unless told
   */
  async function findByLogin(
    login: string,
    fields: LoginFields,
    choose: (ids: string[]) => string[] = (ids) => ids,
  ): Promise<Account[]> {
    const usernames = fields.includes('username') ? usernameSpellings(login) : []
    const chosen = choose(fields.includes('email') ? await findIdsByAddress(login) : [])
    const rows = await prisma.$queryRaw<
      Row[]
    >`SELECT ${columns} ${from} WHERE u."username" = ANY (${usernames}::text[]) OR u."id" = ANY (${chosen}::uuid[]) ORDER BY u."id"`
    const canonical = canonicalEmail(login)
    return rows
      .map(toAccount)
      .filter(
        (account) =>
          usernames.includes(account.username) ||
          (fields.includes('email') && canonical !== null && canonicalEmail(account.email) === canonical),
      )
  }

  /**
   * The ids of the accounts that may be reset and have an address, oldest first, a thousand at most: read from the index
   * alone, in its order (UUID version 7 begins with the time, RFC 9562 §5.7).
   */
  async function findIdsByAddress(address: string): Promise<string[]> {
    const rows = await prisma.$queryRaw<{ id: string }[]>`
      SELECT found."id" FROM unnest(${lookupForms(address)}::text[]) AS form CROSS JOIN LATERAL (
        SELECT u."id" FROM ${users} u
         WHERE lower(u."email" COLLATE "C") = form
           AND u."is_active" AND u."password" <> '' AND left(u."password", 1) <> '!' AND u."email" <> ''
         ORDER BY u."id" LIMIT ${mostIds}) AS found
       ORDER BY found."id" LIMIT ${mostIds}`
    return rows.map(({ id }) => id)
  }

  /** An account and the database's clock, read together; the account is null when there is none of this id. */
  async function read(id: string): Promise<{ account: Account | null; now: Date }> {
    const now = epochMilliseconds(Prisma.sql`now()`)
    // An id that is no UUID would fail to convert; it names no account.
    const known = uuid.test(id) ? Prisma.sql`u."id" = ${id}::uuid` : Prisma.sql`false`
    const [row] = await prisma.$queryRaw<(Row & { now: bigint })[]>`
      WITH u AS (SELECT ${columns} ${from} WHERE ${known}) SELECT ${now} AS "now", u.* FROM (SELECT 1) one LEFT JOIN u ON true`
    if (row === undefined) throw new Error('The database returned no row for its own clock.')
    return { account: row.id === null ? null : toAccount(row), now: toDate(row.now) }
  }

  /**
   * Replaces the password if the account is still in the state that the link was signed against. The account's row is
   * locked before that of its epoch, the order that a change of its address takes, too; what the deciding statement
   * then reads is as it is, so of two that race, one finds its state gone.
   *
   * @param bindPassword false where links may be used more than once
   * @returns whether the password was replaced
   */
  async function replacePassword(
    tx: Transaction,
    id: string,
    signed: LinkState,
    newHash: string,
    { bindPassword }: { bindPassword: boolean },
  ): Promise<boolean> {
    await tx.$executeRaw`INSERT INTO ${recovery} ("account_id")
      SELECT "id"::text FROM ${users} WHERE "id" = ${id}::uuid FOR NO KEY UPDATE ON CONFLICT ("account_id") DO NOTHING`
    const changed = await tx.$executeRaw`
      WITH r AS (SELECT "links_epoch" FROM ${recovery} WHERE "account_id" = ${id} FOR UPDATE)
      UPDATE ${users} u
         SET "password" = ${newHash}, "password_changed_at" = now()
        FROM r
       WHERE u."id" = ${id}::uuid AND u."is_active" AND u."email" = ${signed.email}
         AND r."links_epoch" = ${signed.linksEpoch}
         AND u."password" IS NOT NULL AND (u."password" = ${signed.passwordHash} OR NOT ${bindPassword}::boolean)`
    return changed === 1
  }

  /**
   * @returns the new account's id
   * @throws UsernameTaken
   */
  async function add(account: NewAccount): Promise<string> {
    try {
      const { id } = await prisma.account.create({
        data: account,
        select: { id: true },
      })
      return id
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002')
        throw new UsernameTaken()
      throw error
    }
  }

  /** All accounts, oldest first. */
  async function list(): Promise<Account[]> {
    const rows = await prisma.$queryRaw<Row[]>`SELECT ${columns} ${from} ORDER BY u."id"`
    return rows.map(toAccount)
  }

  /** The account of a username, spelled exactly; null when there is none. */
  async function findByUsername(username: string): Promise<Account | null> {
    const found = await findByLogin(username, ['username'])
    return found.find((account) => account.username === username) ?? null
  }

  /**
   * Lets an account be reset or not. Either change kills its links (the database sees to it).
   *
   * @returns false when there is no such account
   */
  async function setActive(username: string, isActive: boolean): Promise<boolean> {
    const { count } = await prisma.account.updateMany({ where: { username }, data: { isActive } })
    return count === 1
  }

  return {
    findByLogin,
    findIdsByAddress,
    read,
    replacePassword,
    add,
    list,
    findByUsername,
    setActive,
  }
}

function toAccount(row: Row): Account {
  const {
    id,
    username,
    email,
    firstName,
    lastName,
    passwordHash,
    isActive,
    locale,
    passwordChangedAt,
    linksEpoch,
  } = row
  return {
    id,
    username,
    email,
    firstName,
    lastName,
    passwordHash,
    isActive,
    locale,
    passwordChangedAt: passwordChangedAt === null ? null : toDate(passwordChangedAt),
    linksEpoch: linksEpoch ?? 0,
  }
}

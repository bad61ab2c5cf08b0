import { canonicalAddress, lookupForms } from './email-address'
import type { Database, Transaction } from './db'
import type { SignedState } from './reset-link'
import { Prisma } from '@/prisma/client/client'

/** An account as the reset flow sees it. */
export type Account = {
  id: string
  username: string
  email: string
  firstName: string
  lastName: string
  passwordHash: string | null
  isActive: boolean
  locale: string | null
  passwordChangedAt: Date | null
  linksEpoch: number
}

export type NewAccount = Pick<
  Account,
  'username' | 'email' | 'firstName' | 'lastName' | 'passwordHash' | 'isActive' | 'locale'
>

/** How many letters an account gets: one per `cooldown` seconds, and `perAccount` in all. */
export type LetterSlots = { cooldown: number; perAccount: { count: number; seconds: number } }

/** What a login may be compared with. */
export type LoginFields = readonly ('username' | 'email')[]

/**
 * The longest login that an account is looked for by, in UTF-16 code units: 64 of a mailbox, an @ and 255 of a domain
 * (RFC 5321 §4.5.3.1). A username has 150 at most, as in Django.
 */
export const longestLogin = 320

export class UsernameTaken extends Error {
  constructor() {
    super('This username is taken.')
    this.name = 'UsernameTaken'
  }
}

type Row = Omit<Account, 'linksEpoch'> & { linksEpoch: number | null }

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export type Accounts = ReturnType<typeof createAccounts>

/**
 * The only part that reads or writes accounts. Where a statement adds a row beside an account, it holds the account's row
 * with FOR KEY SHARE: an account that is being deleted is then waited for and gone, rather than a broken reference.
 */
export function createAccounts({ prisma }: Pick<Database, 'prisma'>) {
  const select = Prisma.sql`
    SELECT u."id", u."username", u."email", u."first_name" AS "firstName", u."last_name" AS "lastName",
           u."password" AS "passwordHash", u."is_active" AS "isActive", u."locale",
           u."password_changed_at" AS "passwordChangedAt", r."links_epoch" AS "linksEpoch"
      FROM "users" u LEFT JOIN "rekey_recovery" r ON r."account_id" = u."id"`

  /**
   * All accounts that a typed login names: usernames exactly, addresses by their canonical form. What SQL found is
   * compared once more here, so that no folding or collation of the database decides who gets a letter.
   */
  async function findByLogin(login: string, fields: LoginFields): Promise<Account[]> {
    const forms = fields.includes('email') ? lookupForms(login) : []
    const username = fields.includes('username') ? login : null
    const byAddress =
      forms.length > 0
        ? Prisma.sql`lower(u."email" COLLATE "C") IN (${Prisma.join(forms)})`
        : Prisma.sql`false`
    const rows = await prisma.$queryRaw<
      Row[]
    >`${select} WHERE u."username" = ${username} OR ${byAddress} ORDER BY u."id"`
    const canonical = canonicalAddress(login)
    return rows
      .map(toAccount)
      .filter(
        (account) =>
          account.username === username ||
          (fields.includes('email') && canonical !== null && canonicalAddress(account.email) === canonical),
      )
  }

  /** An account and the database's clock, read together; the account is null when there is none of this id. */
  async function read(id: string): Promise<{ account: Account | null; now: Date }> {
    if (!uuid.test(id)) return { account: null, now: await clock() }
    const rows = await prisma.$queryRaw<(Row & { now: Date })[]>`
      WITH u AS (${select} WHERE u."id" = ${id}::uuid) SELECT now() AS "now", u.* FROM (SELECT 1) one LEFT JOIN u ON true`
    const [row] = rows
    if (row === undefined) throw new Error('The database returned no row for its own clock.')
    return { account: row.id === null ? null : toAccount(row), now: row.now }
  }

  async function clock(): Promise<Date> {
    const [row] = await prisma.$queryRaw<{ now: Date }[]>`SELECT now() AS "now"`
    if (row === undefined) throw new Error('The database returned no row for its own clock.')
    return row.now
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
    signed: SignedState,
    newHash: string,
    { bindPassword }: { bindPassword: boolean },
  ): Promise<boolean> {
    await tx.$executeRaw`INSERT INTO "rekey_recovery" ("account_id")
      SELECT "id" FROM "users" WHERE "id" = ${id}::uuid FOR NO KEY UPDATE ON CONFLICT ("account_id") DO NOTHING`
    const changed = await tx.$executeRaw`
      WITH r AS (SELECT "links_epoch" FROM "rekey_recovery" WHERE "account_id" = ${id}::uuid FOR UPDATE)
      UPDATE "users" u
         SET "password" = ${newHash}, "password_changed_at" = now()
        FROM r
       WHERE u."id" = ${id}::uuid AND u."is_active" AND u."email" = ${signed.email}
         AND r."links_epoch" = ${signed.linksEpoch}
         AND u."password" IS NOT NULL AND (u."password" = ${signed.passwordHash} OR NOT ${bindPassword}::boolean)`
    return changed === 1
  }

  /**
   * Claims a letter slot for a job: at most one letter per cool-down and a few per window, whatever was typed to ask for
   * them. One statement counts and claims under the row's lock, so parallel jobs cannot both take the last slot. Whoever
   * waited for the lock may find a claim later than its own `now()`: within any cool-down, but not within none.
   *
   * @param exempt for the letter that "this wasn't me" starts: neither its own pause nor what was sent before holds it
   *   back. Each takes a letter about a changed password that works once, so no stranger can cause one; how many somebody
   *   can cause for an account of their own is limited where it starts.
   * @param keepFor seconds that a claim is remembered, so that a retry of the same job passes
   * @param linkEnds when the letter's link expires. Without a cool-down the slot is free again by then: of letters that
   *   were long on their way, the slots would outlive the links, and hold back who asks again
   * @returns null where the job holds no slot, neither now nor since an earlier attempt. During a pause none does: a
   *   letter that was put off would carry a link that is signed anew, and so lives. `first`: whether no slot of the window
   *   was claimed before this one
   */
  async function claimLetterSlot(
    id: string,
    jobId: string,
    slots: LetterSlots,
    { exempt, keepFor, linkEnds }: { exempt: boolean; keepFor: number; linkEnds: Date },
  ): Promise<{ first: boolean } | null> {
    const linkAt = linkEnds.getTime() / 1000 - slots.perAccount.seconds
    const at = slots.cooldown > 0 ? Prisma.sql`now()` : Prisma.sql`LEAST(now(), to_timestamp(${linkAt}))`
    const [claim] = await prisma.$queryRaw<{ first: boolean }[]>`
      INSERT INTO "rekey_recovery" AS r ("account_id", "letter_jobs", "letter_times")
      SELECT "id", ARRAY[${jobId}::uuid], ARRAY[${at}] FROM "users" WHERE "id" = ${id}::uuid FOR KEY SHARE
      ON CONFLICT ("account_id") DO UPDATE SET
        "letter_jobs" = CASE WHEN ${jobId}::uuid = ANY (r."letter_jobs") THEN r."letter_jobs" ELSE ${jobId}::uuid || ARRAY(
          SELECT s."job" FROM unnest(r."letter_jobs", r."letter_times") AS s("job", "at")
           WHERE s."at" > now() - make_interval(secs => ${Math.max(keepFor, slots.perAccount.seconds)})) END,
        "letter_times" = CASE WHEN ${jobId}::uuid = ANY (r."letter_jobs") THEN r."letter_times" ELSE ${at} || ARRAY(
          SELECT s."at" FROM unnest(r."letter_times") AS s("at")
           WHERE s."at" > now() - make_interval(secs => ${Math.max(keepFor, slots.perAccount.seconds)})) END
      WHERE ${exempt}::boolean OR (
        (r."letters_paused_until" IS NULL OR r."letters_paused_until" <= now())
        AND (${jobId}::uuid = ANY (r."letter_jobs") OR (
          NOT EXISTS (SELECT FROM unnest(r."letter_times") AS s("at")
                       WHERE ${slots.cooldown > 0}::boolean AND s."at" > now() - make_interval(secs => ${slots.cooldown}))
          AND (SELECT count(*) FROM unnest(r."letter_times") AS s("at")
                WHERE s."at" > now() - make_interval(secs => ${slots.perAccount.seconds})) < ${slots.perAccount.count})))
      RETURNING NOT EXISTS (
        SELECT FROM unnest(r."letter_jobs", r."letter_times") WITH ORDINALITY AS s("job", "at", "nth")
         WHERE s."nth" > array_position(r."letter_jobs", ${jobId}::uuid)
           AND s."at" > now() - make_interval(secs => ${slots.perAccount.seconds})) AS "first"`
    return claim ?? null
  }

  /** Gives back the slot of a job whose letter never left; of one that has none, nothing. */
  async function returnLetterSlot(id: string, jobId: string): Promise<void> {
    await prisma.$executeRaw`
      UPDATE "rekey_recovery" SET
        "letter_jobs" = ARRAY(SELECT s."job" FROM unnest("letter_jobs", "letter_times") AS s("job", "at")
                               WHERE s."job" <> ${jobId}::uuid),
        "letter_times" = ARRAY(SELECT s."at" FROM unnest("letter_jobs", "letter_times") AS s("job", "at")
                                WHERE s."job" <> ${jobId}::uuid)
      WHERE "account_id" = ${id}::uuid AND ${jobId}::uuid = ANY ("letter_jobs")`
  }

  /**
   * Kills all live links of an account and pauses its letters, if the epoch is still the one that was signed: a "this
   * wasn't me" link works once.
   *
   * @param pause seconds
   * @returns whether it was still the one
   */
  async function killLinks(
    tx: Transaction,
    id: string,
    signedEpoch: number,
    pause: number,
  ): Promise<boolean> {
    const killed = await tx.$executeRaw`
      INSERT INTO "rekey_recovery" AS r ("account_id", "links_epoch", "letters_paused_until")
      SELECT "id", ${signedEpoch} + 1, now() + make_interval(secs => ${pause}) FROM "users" WHERE "id" = ${id}::uuid FOR KEY SHARE
      ON CONFLICT ("account_id") DO UPDATE SET
        "links_epoch" = r."links_epoch" + 1, "letters_paused_until" = now() + make_interval(secs => ${pause})
      WHERE r."links_epoch" = ${signedEpoch}`
    return killed === 1
  }

  /**
   * @returns the new account's id
   * @throws UsernameTaken
   */
  async function add(account: NewAccount): Promise<string> {
    try {
      const { id } = await prisma.account.create({
        data: { ...account, recovery: { create: {} } },
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
  async function list(): Promise<(Account & { createdAt: Date })[]> {
    const accounts = await prisma.account.findMany({ include: { recovery: true }, orderBy: { id: 'asc' } })
    return accounts.map(({ recovery, ...account }) => ({ ...account, linksEpoch: recovery?.linksEpoch ?? 0 }))
  }

  /** The account of a username, spelled exactly; null when there is none. */
  async function findByUsername(username: string): Promise<Account | null> {
    const [account] = await findByLogin(username, ['username'])
    return account ?? null
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
    read,
    replacePassword,
    claimLetterSlot,
    returnLetterSlot,
    killLinks,
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
  const epoch = linksEpoch ?? 0
  return {
    id,
    username,
    email,
    firstName,
    lastName,
    passwordHash,
    isActive,
    locale,
    passwordChangedAt,
    linksEpoch: epoch,
  }
}

/** What a link of this account is bound to. */
export function signedState(account: Account): SignedState {
  const { passwordHash, email, isActive, linksEpoch } = account
  return { passwordHash, email, isActive, linksEpoch }
}

/**
 * Only an active account with a password of its own and an address is mailed, and only it can be reset. A value that
 * starts with `!` is Django's mark for an account that signs in elsewhere.
 */
export function mayReset(account: Account): boolean {
  const { isActive, passwordHash, email } = account
  return (
    isActive && passwordHash !== null && passwordHash !== '' && !passwordHash.startsWith('!') && email !== ''
  )
}

/**
 * Whether the password was replaced after a link was asked for: then the asking is answered, or no longer wanted.
 *
 * @param askedAt whole seconds since the epoch
 */
export function passwordChangedSince({ passwordChangedAt }: Account, askedAt: number): boolean {
  return passwordChangedAt !== null && Math.floor(passwordChangedAt.getTime() / 1000) > askedAt
}

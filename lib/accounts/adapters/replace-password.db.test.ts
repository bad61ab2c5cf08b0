import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newAccount, openAccounts, type OpenedAccounts } from '@/e2e/support/opened-accounts'
import { signedState, type SignedState } from '@/lib/accounts/account'

let opened: OpenedAccounts
let id: string
beforeAll(async () => void (opened = await openAccounts()), 120_000)
beforeEach(async () => void (id = await opened.accounts.add(newAccount())))
afterAll(() => opened.close())

const read = (of = id) => opened.read(of)
const update = (assignments: string) => opened.update(id, assignments)

/** Whether the password was replaced. @param bindPassword false where links work more than once */
const replace = (signed: SignedState, bindPassword = true, of = id) =>
  opened.transaction(
    async (tx) =>
      (await opened.accounts.replacePassword(tx, of, signed, 'a new hash', { bindPassword })) !== null,
  )

const changes: [string, () => Promise<unknown>][] = [
  ['its address', () => update(`"email" = 'new@example.com'`)],
  ['the capitals in its address', () => update(`"email" = upper("email")`)],
  ['its status', () => update('"is_active" = false')],
  ['its password, to none', () => update('"password" = NULL')],
  ['its epoch', () => opened.transaction((tx) => opened.recovery.revokeLinks(tx, id, 0, 1))],
  ['everything, because it was deleted', () => opened.remove(id)],
]

describe('the password of an account', () => {
  test('a link replaces the password once and records the time, whichever application wrote the account', async () => {
    for (const of of [id, await opened.addPastRekey()]) {
      const signed = signedState(await read(of))
      expect([await replace(signed, true, of), await replace(signed, true, of)]).toEqual([true, false])
      const { passwordHash, passwordChangedAt } = await read(of)
      expect(passwordHash).toBe('a new hash')
      expect(Math.abs(passwordChangedAt!.getTime() - Date.now())).toBeLessThan(60_000)
    }
  })

  test.each<[string, () => Promise<unknown>]>([
    ...changes,
    ['its password', () => update(`"password" = 'set elsewhere'`)],
  ])(
    'a link does not replace the password of an account that changed %s [T5, C12]',
    async (_what, change) => {
      const signed = signedState(await read())
      await change()
      expect(await replace(signed)).toBe(false)
      expect((await opened.accounts.read(id)).account?.passwordHash).not.toBe('a new hash')
    },
  )

  test.each(changes.slice(0, 3))(
    'even with the present epoch, a link does not replace the password of an account that changed %s [T5]',
    async (_what, change) => {
      const signed = signedState(await read())
      await change()
      const { linksEpoch } = await read()
      expect(linksEpoch).toBe(signed.linksEpoch + 1)
      expect(await replace({ ...signed, linksEpoch })).toBe(false)
    },
  )

  test('where links work more than once, a link replaces a password that it replaced before', async () => {
    const signed = signedState(await read())
    expect([await replace(signed, false), await replace(signed, false)]).toEqual([true, true])
  })

  test.each(changes)(
    'where links work more than once, a link does not replace the password of an account that changed %s',
    async (_what, change) => {
      const signed = signedState(await read())
      await change()
      expect(await replace(signed, false)).toBe(false)
    },
  )

  test('a change of the address during a replacement waits for it, and both take effect', async () => {
    await opened.sql.query('DELETE FROM "rekey"."recovery" WHERE "account_id" = $1', [id])
    const signed = signedState(await read())
    let changed: Promise<unknown> | undefined
    const replaced = opened.transaction(async (tx) => {
      // The first statement locks the account's row.
      const $queryRaw = async (...statement: Parameters<typeof tx.$queryRaw>) => {
        const rows = await tx.$queryRaw(...statement)
        changed ??= update(`"email" = 'new@example.com'`)
        await new Promise((resolve) => setTimeout(resolve, 300))
        return rows
      }
      const $executeRaw = tx.$executeRaw.bind(tx)
      const slow = { $queryRaw, $executeRaw } as unknown as typeof tx
      return opened.accounts.replacePassword(slow, id, signed, 'a new hash', { bindPassword: true })
    })
    expect(await replaced).not.toBeNull()
    await changed
    expect(await read()).toMatchObject({
      passwordHash: 'a new hash',
      email: 'new@example.com',
      linksEpoch: 1,
    })
  })
})

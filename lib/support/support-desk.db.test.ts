import { afterAll, beforeAll, expect, test } from 'vitest'
import { openResets, type OpenedResets } from '@/e2e/support/opened-resets'
import { cancelLinks, createPrintedLink } from './support-desk'

let opened: OpenedResets
beforeAll(async () => void (opened = await openResets()), 120_000)
afterAll(() => opened.close())

test('a printed link stays valid if the account’s links were revoked eight days before [L9]', async () => {
  const { services, sql } = opened
  const account = await opened.addAccount()
  await cancelLinks(services, account, 'Ana')
  await sql.query(
    `UPDATE "rekey"."recovery" SET "updated_at" = now() - interval '9 days' WHERE "account_id" = $1`,
    [account.id],
  )
  const { url } = await createPrintedLink(services, account, 'Ana')
  await services.recovery.purge()
  const { timestamp, signature } = Object.fromEntries(new URL(url).searchParams)
  const link = { user_id: account.id, timestamp: Number(timestamp), signature: signature! }
  expect(await opened.resets().inspectLink(link)).toMatchObject({ state: 'valid' })
})

import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAccount, openAccounts, type OpenedAccounts } from '@/e2e/support/opened-accounts'
import { auditEvents, createAuditLog, type AuditEventKey } from '@/lib/audit/audit'
import { requestsOfAccount } from './requests-of-account'

let opened: OpenedAccounts
beforeAll(async () => void (opened = await openAccounts()), 120_000)
afterAll(() => opened.close())

test('the opening of an older link is not shown as that of a newer one [L8]', async () => {
  const account = await opened.read(await opened.accounts.add(newAccount()))
  const now = Date.now()
  const minutesAgo = (minutes: number) => new Date(now - minutes * 60_000)
  const record = (event: AuditEventKey, minutes: number, facts: { request?: string; linkOf?: number } = {}) =>
    opened.sql.query(
      `INSERT INTO "rekey"."audit" ("at", "event", "account_id", "request_id", "reason") VALUES ($1, $2, $3, $4, $5)`,
      [
        minutesAgo(minutes),
        auditEvents[event],
        account.id,
        facts.request,
        facts.linkOf && `requested-at ${Math.floor(minutesAgo(facts.linkOf).getTime() / 1000)}`,
      ],
    )
  await record('requested', 90, { request: 'old' })
  await record('opened', 80, { linkOf: 90 })
  // The request of this link is not in the audit log.
  await record('opened', 50, { linkOf: 55 })
  await record('requested', 40, { request: 'opened' })
  await record('opened', 30, { linkOf: 40 })
  await record('printed', 20, { request: 'unopened' })
  const audit = createAuditLog(opened, '', pino({ level: 'silent' }))
  const requests = await requestsOfAccount({ audit, database: opened }, account, minutesAgo(60))
  expect(requests.map(({ requestId, steps }) => [requestId, steps.map(({ step }) => step)])).toEqual([
    ['opened', ['requested', 'opened']],
    ['unopened', ['printed']],
  ])
})

test('a request comes before its email, which is queued at the same time [L8]', async () => {
  const account = await opened.read(await opened.accounts.add(newAccount()))
  const requestedAt = Math.floor(Date.now() / 1000)
  await opened.sql.query(
    `INSERT INTO "rekey"."audit" ("at", "event", "account_id", "request_id") VALUES (to_timestamp($1), $2, $3, 'new')`,
    [requestedAt, auditEvents.requested, account.id],
  )
  await opened.sql.query(
    `INSERT INTO rekey_queue.job ("name", "created_on", "data") VALUES ('link-email', to_timestamp($1), $2)`,
    [
      requestedAt,
      JSON.stringify({
        accountId: account.id,
        requestedAt,
        bypassPause: false,
        locale: 'en',
        requestId: 'new',
      }),
    ],
  )
  const audit = createAuditLog(opened, '', pino({ level: 'silent' }))
  const [request] = await requestsOfAccount({ audit, database: opened }, account, new Date(0))
  expect(request?.steps.map(({ step }) => step)).toEqual(['requested', 'queued'])
})

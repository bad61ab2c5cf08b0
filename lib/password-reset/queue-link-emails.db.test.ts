import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testServer } from '@/e2e/support/test-database'
import { linkEmailJob, linkRequestJob, openWorker, type OpenedWorker } from '@/e2e/support/opened-worker'
import type { Account } from '@/lib/accounts/account'
import { auditEvents, createAuditLog } from '@/lib/audit/audit'
import { notificationChannel } from '@/lib/queue/notifications'
import type { RekeyConfig } from './extension-points'
import { createLinkEmailJobWriter, type LinkEmailJob } from './store-link-email-jobs'

let worker: OpenedWorker
let account: Account
beforeAll(async () => void (worker = await openWorker()), 120_000)
beforeEach(async () => {
  account = await worker.addAccount()
  await worker.clearLimits()
})
afterAll(() => worker.close())

const newAddress = () => `shared-${randomBytes(6).toString('hex')}@example.com`

async function addAccounts(count: number, facts: Parameters<OpenedWorker['addAccount']>[0] = {}) {
  const added: Account[] = []
  for (let nth = 0; nth < count; nth += 1) added.push(await worker.addAccount(facts))
  return added
}

const countQueued = (accounts: Account[]) =>
  Promise.all(accounts.map(async (one) => (await worker.queuedEmails(one)).length))

describe('the emails of a request', () => {
  test('a request queues one email, which keeps the time of the request, also if its job runs twice', async () => {
    const job = linkRequestJob({ login: account.username })
    expect(await worker.queueLinkEmails(job)).toEqual({ outcome: 'done' })
    expect(await worker.queueLinkEmails({ ...job, attempt: 2 })).toEqual({ outcome: 'done' })
    const emails = await worker.queuedEmails(account)
    expect(emails).toHaveLength(1)
    expect(emails[0]!.data.requestedAt).toBe(Math.floor(job.createdAt.getTime() / 1000))
  })

  test('a request queues no email for accounts that do not exist or may not be reset [A7]', async () => {
    const notResettable = [
      await worker.addAccount({ isActive: false }),
      await worker.addAccount({ passwordHash: null }),
      await worker.addAccount({ email: '' }),
    ]
    for (const { username, id } of notResettable) {
      await worker.queueLinkEmails(linkRequestJob({ login: username }))
      await worker.queueLinkEmails(linkRequestJob({ accountId: id }))
    }
    await worker.queueLinkEmails(linkRequestJob({ login: 'unknown' }))
    await worker.queueLinkEmails(linkRequestJob({ accountId: randomUUID() }))
    expect(await countQueued(notResettable)).toEqual([0, 0, 0])
  })

  test('a team’s own function finds the accounts, and those that may not be reset still get no email', async () => {
    const disabled = await worker.addAccount({ isActive: false })
    const received: unknown[] = []
    const findResettableAccounts: RekeyConfig['findResettableAccounts'] = async (
      login,
      fields,
      findByLogin,
    ) => {
      received.push(login, fields)
      return [...(await findByLogin(account.username, fields)), disabled]
    }
    await worker.queueLinkEmails(linkRequestJob({ login: '+49 30 1234' }), { findResettableAccounts })
    expect(received).toEqual(['+49 30 1234', ['username', 'email']])
    expect(await countQueued([account, disabled])).toEqual([1, 0])
  })
})

describe('accounts that share an address', () => {
  test('a request with an address in capitals queues an email of its own for each account that has it', async () => {
    const twin = await worker.addAccount({ email: account.email })
    await worker.queueLinkEmails(linkRequestJob({ login: account.email.toUpperCase() }))
    const emails = [...(await worker.queuedEmails(account)), ...(await worker.queuedEmails(twin))]
    expect(new Set(emails.map(({ id }) => id)).size).toBe(2)
  })

  test('the first email of a request is due at once and each further one after a random time [A8]', async () => {
    const email = newAddress()
    await addAccounts(5, { email })
    await worker.sql.query('DELETE FROM rekey_queue.job')
    await worker.queueLinkEmails(linkRequestJob({ login: email }))
    const { rows } = await worker.sql.query<{ late: boolean }>(
      `SELECT start_after > created_on + interval '0.9 seconds' AS late FROM rekey_queue.job WHERE name = 'link-email'`,
    )
    expect(rows.map(({ late }) => late).sort()).toEqual([false, true, true, true, true])
  })

  test('of forty accounts with one address the ten oldest and ten others get an email, and the log warns [R2]', async () => {
    const email = newAddress()
    const sharing = await addAccounts(40, { email })
    const lines: string[] = []
    const log = pino({ level: 'warn', base: null }, { write: (line: string) => void lines.push(line) })
    await worker.queueLinkEmails(linkRequestJob({ login: email }), {}, { log })
    const queued = await countQueued(sharing)
    expect(queued.slice(0, 10)).toEqual(Array(10).fill(1))
    expect(queued.filter((count) => count === 1)).toHaveLength(20)
    await worker.queueLinkEmails(linkRequestJob({ login: account.email }), {}, { log })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: 40, time: expect.any(Number), event: 'accounts_capped', requestId: 'r', count: 40 },
    ])
  })

  test('if a team’s own function finds more than twenty accounts, the twenty oldest get an email [R2]', async () => {
    const found = await addAccounts(22)
    await worker.queueLinkEmails(linkRequestJob({ login: 'a name of the team' }), {
      findResettableAccounts: async () => found.toReversed(),
    })
    expect(await countQueued(found)).toEqual([...Array(20).fill(1), 0, 0])
  })

  test('a typed username gets its email even if 21 older accounts have the same text as their address [R2, A5]', async () => {
    const email = newAddress()
    await addAccounts(21, { email })
    const named = await worker.addAccount()
    await worker.sql.query('UPDATE "rekey"."users" SET "username" = $1 WHERE "id" = $2', [email, named.id])
    await worker.queueLinkEmails(linkRequestJob({ login: email }))
    expect(await countQueued([named])).toEqual([1])
  })
})

test('a request without an account queues one job that is worked on like an email and sends none [A8]', async () => {
  await worker.sql.query('DELETE FROM rekey_queue.job')
  const job = linkRequestJob({ login: `unknown-${randomBytes(6).toString('hex')}` })
  await worker.queueLinkEmails(job)
  await worker.queueLinkEmails({ ...job, attempt: 2 })
  const { rows } = await worker.sql.query<Pick<LinkEmailJob, 'id' | 'data'>>(
    `SELECT id, data FROM rekey_queue.job WHERE name = 'link-email' AND data->>'accountId' IS NULL`,
  )
  expect(rows).toHaveLength(1)
  const before = worker.sink.emails.length
  const simulated: string[] = []
  const mailer = {
    ...worker.mailer,
    simulate: (email: { subject: string; html: string; text: string }) => {
      simulated.push(email.subject)
      return worker.mailer.simulate(email)
    },
  }
  const simulatedJob = { ...linkEmailJob(null), ...rows[0]! }
  expect(await worker.sendLinkEmail(simulatedJob, {}, { mailer })).toEqual({ outcome: 'done' })
  expect(simulated).toEqual(['Reset your Rekey password'])
  expect(worker.sink.emails).toHaveLength(before)
})

describe('the audit entries of a flood of requests [L1]', () => {
  let lines: { event: string; requestId: string }[]
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  /** Clients that no other test has, because a process remembers a rejection for a second. */
  let client: string
  let otherClient: string
  beforeEach(() => {
    lines = []
    const network = `2001:db8:${randomBytes(2).toString('hex')}`
    client = `${network}:1::1`
    otherClient = `${network}:2::1`
  })

  async function sendRequest(login: string, requestId: string, from = client, attempt = 1) {
    const job = { ...linkRequestJob({ login }, { requestId, client: from }), attempt }
    await worker.queueLinkEmails(job, {}, { audit: createAuditLog(worker.services.database, '', log) })
    const entries = await worker.sql.query(
      'SELECT FROM "rekey"."audit" WHERE "event" = $1 AND "request_id" = $2',
      [auditEvents.requested, requestId],
    )
    return [entries.rowCount, lines.filter((line) => line.requestId === requestId).length]
  }

  test('of requests without an account, each client’s first is audited and all are logged', async () => {
    const id = randomUUID()
    expect(await sendRequest(randomUUID(), id)).toEqual([1, 1])
    expect(await sendRequest(randomUUID(), id)).toEqual([1, 2])
    expect(await sendRequest(randomUUID(), id, otherClient)).toEqual([2, 3])
  })

  test('of requests for one account, each client’s first is audited, all are logged and all queue an email', async () => {
    const id = randomUUID()
    expect(await sendRequest(account.username, id)).toEqual([1, 1])
    expect(await sendRequest(account.email, id)).toEqual([1, 2])
    expect(await sendRequest(account.username, id, otherClient)).toEqual([2, 3])
    expect(await sendRequest((await worker.addAccount()).username, id)).toEqual([3, 4])
    expect(await worker.queuedEmails(account)).toHaveLength(3)
  })

  test('a second attempt at a request is audited, since the first may have failed after it was counted', async () => {
    const id = randomUUID()
    await worker.services.limits.isFirstInWindow(client, `requested ${account.id}`)
    expect(await sendRequest(account.username, id)).toEqual([0, 1])
    expect(await sendRequest(account.username, id, client, 2)).toEqual([1, 2])
  })
})

describe('the statement that stores the emails of a request', () => {
  const usersTable = 'public.people'
  const audit = () => createAuditLog(worker.services.database, usersTable, pino({ enabled: false }))
  const from = { requestId: 'r-1', client: '198.51.100.77' }
  beforeEach(() => worker.sql.query('DELETE FROM "rekey_queue"."job"'))

  function email(facts: Partial<LinkEmailJob> = {}, accountId: string | null = randomUUID()): LinkEmailJob {
    const data = { accountId, requestedAt: 1, locale: 'en', requestId: 'r-1', bypassPause: false }
    return { id: randomUUID(), data, afterSeconds: 0, isAudited: true, ...facts }
  }

  const store = (...emails: LinkEmailJob[]) =>
    createLinkEmailJobWriter({ audit: audit(), database: worker.services.database })(emails, from)

  const storedIds = async () => {
    const { rows } = await worker.sql.query<{ id: string }>(
      'SELECT "id" FROM "rekey_queue"."job" ORDER BY "id"',
    )
    return rows.map(({ id }) => id)
  }

  async function rowOf(id: string) {
    const { rows } = await worker.sql.query('SELECT * FROM "rekey_queue"."job" WHERE "id" = $1', [id])
    const { id: _, start_after, created_on, keep_until, ...others } = rows[0] as Record<string, unknown>
    const kept = (keep_until as Date).getTime() - (start_after as Date).getTime()
    return { ...others, kept, waits: (start_after as Date).getTime() - (created_on as Date).getTime() }
  }

  test.each([0, 3])(
    'a job that waits %i seconds has the row that pg-boss’s own send writes, column by column [F3]',
    async (afterSeconds) => {
      const job = email({ afterSeconds })
      await store(job)
      const sent = randomUUID()
      await worker.services.queue.add('link-email', job.data, {
        id: sent,
        ...(afterSeconds > 0 && { afterSeconds }),
      })
      expect(await rowOf(job.id)).toEqual(await rowOf(sent))
    },
  )

  test('a second attempt at the same request stores no second email [F3]', async () => {
    const [one, other] = [email(), email({ afterSeconds: 2 })]
    await store(one)
    await store(one, other)
    expect(await storedIds()).toEqual([one.id, other.id].sort())
  })

  test('the audit log gets an entry of each account that is to be audited, and none without an account [L1, A8]', async () => {
    const [audited, loggedOnly, withoutAccount] = [email(), email({ isAudited: false }), email({}, null)]
    const count = async () =>
      (await worker.sql.query('SELECT count(*)::int AS "n" FROM "rekey"."audit"')).rows[0].n as number
    const before = await count()
    await store(audited, loggedOnly, withoutAccount)
    expect((await count()) - before).toBe(1)
    expect(await audit().history(audited.data.accountId!)).toMatchObject([
      { event: 'authn_password_reset_requested', client: '198.51.100.0/24', requestId: 'r-1', reason: null },
    ])
  })

  test('if one email of a request is refused, neither a job nor an audit entry of it is stored [F3, L1]', async () => {
    const good = email()
    await expect(store(good, email({ id: 'no uuid' }))).rejects.toThrow()
    expect([await storedIds(), await audit().history(good.data.accountId!)]).toEqual([[], []])
  })

  test.runIf(testServer)(
    'a request notifies the workers once, and not for emails that wait [F3]',
    async () => {
      const channel = notificationChannel(worker.database.schemas.queue)
      const received: (string | undefined)[] = []
      const listener = new pg.Client({ connectionString: worker.database.url })
      listener.on('notification', ({ payload }) => void received.push(payload))
      await listener.connect()
      await listener.query(`LISTEN ${pg.escapeIdentifier(channel)}`)
      try {
        await store(email({ afterSeconds: 5 }))
        await store(email(), email(), email({ afterSeconds: 5 }))
        await worker.sql.query('SELECT pg_notify($1, $2)', [channel, 'end'])
        await expect.poll(() => received).toEqual(['link-email', 'end'])
      } finally {
        await listener.end()
      }
    },
  )
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addCrowd, type Member } from '@/e2e/support/crowd'
import { countRow, printFaultRow } from '@/e2e/support/fault-table'
import { isLong } from '@/e2e/support/long-form'
import { settled, wakeWorkers } from '@/e2e/support/settled-jobs'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { startTroubledMail, type MailState, type TroubledMail } from '@/e2e/support/troubled-mail'

/** At most as many as a worker sends at a time, so that all of them meet the trouble. */
const many = isLong ? 15 : 5

let mail: TroubledMail
let app: RunningApp
beforeAll(async () => {
  mail = await startTroubledMail()
  app = await startApp({ env: mail.env })
})
afterAll(async () => {
  await app?.stop()
  await mail?.close()
})

async function requestAll(): Promise<Member[]> {
  const crowd = await addCrowd(app.sql, many)
  const answers = await Promise.all(crowd.map(({ login }) => app.post('send-reset-password-link', { login })))
  expect(answers.map(({ status }) => status)).toEqual(crowd.map(() => 200))
  return crowd
}

/** Waits until each email was tried this often, without the delays between attempts. */
async function tried(times: number): Promise<void> {
  const left = async () => {
    await app.sql.query(
      `UPDATE rekey_queue.job SET start_after = now() WHERE name = 'link-email' AND state = 'retry' AND retry_count < $1`,
      [times - 1],
    )
    await wakeWorkers(app)
    const { rows } = await app.sql.query<{ tried: number }>(
      `SELECT count(*)::int AS "tried" FROM rekey_queue.job
        WHERE name = 'link-email' AND state = 'retry' AND retry_count >= $1`,
      [times - 1],
    )
    return rows[0]!.tried
  }
  await expect.poll(left, { timeout: 150_000, interval: 300 }).toBe(many)
}

async function retryNow(age = 0): Promise<void> {
  await app.sql.query(
    `UPDATE rekey_queue.job SET start_after = now(),
            data = jsonb_set(data, '{requestedAt}', to_jsonb((data->>'requestedAt')::int - $1::int))
      WHERE name = 'link-email' AND state = 'retry'`,
    [age],
  )
  await wakeWorkers(app)
}

async function reasons(event: string, crowd: Member[]): Promise<(string | null)[]> {
  const { rows } = await app.sql.query<{ reason: string | null }>(
    `SELECT a.reason FROM rekey.audit a JOIN rekey.users u ON u.id::text = a.account_id
      WHERE a.event = $1 AND u.username = ANY ($2)`,
    [event, crowd.map(({ login }) => login)],
  )
  return rows.map(({ reason }) => reason)
}

describe('a mail server in trouble', () => {
  const passing: [trouble: MailState, attempts: number, age: number, copies: number][] = [
    ['away', 2, 1_800, 0],
    ['deferring (451)', 3, 0, 0],
    ['untrusted', 2, 0, 0],
    ['refusing the login (535)', 2, 0, 0],
    ['dropping before 250', 2, 0, 0],
    // Rekey cannot know that the server accepted the email, so each attempt causes one more copy.
    ['dropping before 250, with the email', 1, 0, 1],
    ['a byte every five seconds', 1, 0, 0],
  ]
  test.each(passing)(
    'each email arrives after the mail server was %s for a while (attempts: %i) [F3, F4, F5, F6]',
    async (trouble, attempts, age, copies) => {
      mail.becomes(trouble)
      const before = mail.counts.taken
      const crowd = await requestAll()
      await tried(attempts)
      expect(mail.counts.taken - before).toBe(copies * many)
      mail.becomes('working')
      await retryNow(age)
      await settled(app, 90_000)
      const fault = `mail server ${trouble}${age > 0 ? ' for half a link’s life' : ''}, ${attempts} attempts`
      const row = countRow(fault, many, crowd, mail)
      printFaultRow(row)
      expect([row.delivered, row.duplicates]).toEqual([many, copies * many])
      expect(await reasons('authn_token_created', crowd)).toHaveLength(many)
    },
    240_000,
  )

  test('each email arrives once if the mail server closes each connection right after its last reply [F3]', async () => {
    mail.becomes('dropping after 250')
    const crowd = await requestAll()
    await settled(app, 90_000)
    mail.becomes('working')
    const row = countRow('mail server dropping after 250', many, crowd, mail)
    printFaultRow(row)
    expect([row.delivered, row.duplicates]).toEqual([many, 0])
  })

  const final: [title: string, trouble: MailState, age: number, reason: RegExp][] = [
    ['refuses the recipient', 'refusing (550)', 0, /550/],
    ['is away until the link has less than five minutes left', 'away', 3_400, /./],
  ]
  test.each(final)(
    'each email to a mail server that %s is recorded as a failure and not sent later [F1, F4, F6]',
    async (title, trouble, age, reason) => {
      mail.becomes(trouble)
      const before = mail.counts.taken
      const crowd = await requestAll()
      if (age > 0) {
        await tried(1)
        mail.becomes('working')
        await retryNow(age)
      }
      await settled(app, 90_000)
      const recorded = await reasons('authn_token_undelivered', crowd)
      expect(recorded).toEqual(crowd.map(() => expect.stringMatching(reason)))
      expect(mail.counts.taken).toBe(before)
      printFaultRow({
        fault: `mail server that ${title}: ${recorded.length} recorded failures`,
        caused: many,
        accepted: crowd.length,
        delivered: 0,
        duplicates: 0,
        lost: crowd.length - recorded.length,
      })
    },
    240_000,
  )
})

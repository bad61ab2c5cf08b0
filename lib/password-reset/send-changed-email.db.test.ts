import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { countedEmail } from '@/e2e/support/counted-email'
import {
  acceptedReply,
  changedEmailJob,
  linkEmailJob,
  openWorker,
  origin,
  type OpenedWorker,
} from '@/e2e/support/opened-worker'
import type { Account } from '@/lib/accounts/account'
import { auditEvents } from '@/lib/audit/audit'

let worker: OpenedWorker
let account: Account
beforeAll(async () => void (worker = await openWorker()), 120_000)
beforeEach(async () => void (account = await worker.addAccount()))
afterAll(() => worker.close())

const update = (assignments: string) => worker.updateAccount(account.id, assignments)

const sendTo = (email = account.email) => worker.sendChangedEmail(changedEmailJob({ ...account, email }))

const receivedBy = async (to: string) => {
  const { mail, cancelLink } = await worker.sink.next(to)
  // Word joiners keep mail programs from making links of what is between them.
  return { text: `${mail.text} ${String(mail.html)}`.replaceAll('\u2060', ''), cancelLink }
}

describe('the email about a changed password', () => {
  test('the email about a changed password is sent beyond every limit and contains no link that resets one [S3]', async () => {
    for (let i = 0; i < 3; i += 1) await worker.sendLinkEmail(linkEmailJob(account.id))
    await worker.revokeLinks(account)
    await update(`"is_active" = false, "password" = NULL`)
    for (let i = 0; i < 7; i += 1) await worker.services.limits.countEmail(countedEmail({ first: true }))
    expect(await sendTo()).toEqual({ outcome: 'done' })
    const { recipients, link, cancelLink, mail } = worker.sink.emails.at(-1)!
    expect(recipients).toEqual([account.email])
    expect([link, new URL(cancelLink!).pathname]).toEqual([undefined, '/cancel-reset/'])
    const text = mail.text!.replaceAll('\u2060', '')
    expect(text).toContain('203.0.113.0/24')
    expect(text).not.toContain(origin.client)
    expect(await worker.lastEntry(account)).toEqual([auditEvents.notified, acceptedReply])
  })

  test.each([`"email" = 'thief@evil.example'`, `"email" = ''`])(
    'after a later change to %s, the email goes to the address before it, without links to the account [S3, T5]',
    async (assignment) => {
      await update(assignment)
      expect(await sendTo(account.email)).toEqual({ outcome: 'done' })
      const { text, cancelLink } = await receivedBy(account.email)
      expect(worker.sink.countTo('thief@evil.example')).toBe(0)
      expect(cancelLink).toBeUndefined()
      expect(text).not.toContain('signature')
      expect(text).not.toContain('thief')
      expect(await worker.lastEntry(account)).toEqual([auditEvents.notified, acceptedReply])
    },
  )

  test('the email shows a username whole if the address it goes to contains it, whatever address came since [M5]', async () => {
    const before = 'ada.lovelace@mail.example'
    await update(`"username" = 'ada.lovelace', "email" = 'thief@evil.example'`)
    expect(await sendTo(before)).toEqual({ outcome: 'done' })
    expect((await receivedBy(before)).text).toContain(' ada.lovelace\n')
  })

  test('if the account has its address again, "this wasn’t me" in the email works and requests a link [T5]', async () => {
    await update(`"email" = 'other@example.com'`)
    await update(`"email" = '${account.email}'`)
    await sendTo(account.email)
    const { searchParams } = new URL((await receivedBy(account.email)).cancelLink!)
    const link = {
      user_id: account.id,
      timestamp: Number(searchParams.get('timestamp')),
      signature: searchParams.get('signature')!,
    }
    expect(await worker.services.passwordReset.cancelReset({ link, ...origin })).toEqual({
      ok: true,
      newLink: true,
    })
  })

  test('no email about a changed password is sent if the account had no address or was deleted', async () => {
    const before = worker.sink.emails.length
    expect(await sendTo('')).toEqual({ outcome: 'done' })
    await worker.deleteAccount(account.id)
    expect(await sendTo()).toEqual({ outcome: 'done' })
    expect(worker.sink.emails).toHaveLength(before)
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { queueOn } from '@/e2e/support/opened-queue'
import { evil, nothingSent, startObservedApp, type ObservedApp } from '@/e2e/support/observed-app'

let observed: ObservedApp
beforeAll(async () => void (observed = await startObservedApp()))
afterAll(() => observed?.stop())

describe('forged jobs', () => {
  const add = (name: string, data: unknown) =>
    queueOn(observed.app.sql).add(name as 'link-email', data as never)
  const genuine = (accountId: unknown) => ({
    accountId,
    requestedAt: Math.floor(Date.now() / 1000),
    locale: 'en',
    requestId: 'r',
    bypassPause: false,
  })

  test('malformed jobs fail at once without an email, and the log names each [C4, C7, M6]', async () => {
    const victim = await observed.app.addPerson()
    const poison: [string, unknown][] = [
      ['link-email', genuine([victim.id, evil])],
      ['link-email', genuine({ id: victim.id, email: evil })],
      ['link-email', genuine(7)],
      ['link-email', {}],
      ['link-email', { ...genuine(victim.id), requestedAt: `1\r\nBcc: ${evil}` }],
      ['link-email', { ...genuine(victim.id), requestedAt: null }],
      ['link-email', { ...genuine(victim.id), requestedAt: -1 }],
      ['link-email', { ...genuine(victim.id), requestedAt: 1e300 }],
      ['link-email', { ...genuine(victim.id), requestedAt: 0.5 }],
      ['link-request', { ...genuine(victim.id), target: { login: [victim.email, evil] }, client: 'x' }],
      ['link-request', { ...genuine(victim.id), target: null, client: 'x' }],
      ['link-request', {}],
      ['changed-email', { ...genuine(`${victim.id},${evil}`), client: `x\r\nBcc: ${evil}` }],
      ['changed-email', {}],
      ['changed-hook', { accountId: evil, username: 7, requestId: null }],
    ]
    const before = await failedJobs()
    expect(
      await observed.during(async () => {
        for (const [name, data] of poison) await add(name, data)
      }),
    ).toEqual(nothingSent)
    expect((await failedJobs()) - before).toBe(poison.length)
    expect(observed.app.output().match(/"event":"job_malformed"/g)).toHaveLength(poison.length)
    expect(observed.app.output()).not.toContain('evil.example')
  })

  test('a job with an unknown account id sends no email, also if the id contains addresses or commands [C4, C7, M6]', async () => {
    const victim = await observed.app.addPerson()
    const before = await failedJobs()
    expect(
      await observed.during(async () => {
        for (const id of [`${victim.email},${evil}`, `${victim.id}\r\nRCPT TO:<${evil}>`, evil]) {
          await add('link-email', genuine(id))
          await add('link-request', { ...genuine(id), target: { accountId: id }, client: 'x' })
        }
        await add('link-email', genuine(null))
      }),
    ).toEqual(nothingSent)
    expect((await failedJobs()) - before).toBe(0)
  })

  test('the worker ignores a recipient, a link or a sender in a job [C1, M6]', async () => {
    const victim = await observed.app.addPerson()
    const extra = {
      to: evil,
      email: evil,
      from: evil,
      link: `https://evil.example/`,
      locale: 'xx',
      envelope: evil,
    }
    const target = { login: victim.email, email: evil, to: [evil] }
    const out = await observed.during(async () => {
      await add('link-email', { ...genuine(victim.id), ...extra })
      await add('link-request', { ...genuine(victim.id), ...extra, target, client: evil })
    })
    expect(out.recipients).toEqual([victim.email, victim.email])
    for (const { raw } of observed.sink.emails.slice(-2)) expect(raw.toString()).not.toContain('evil.example')
  })

  test('a requested link whose login lists several addresses sends no email [C4]', async () => {
    const { id, email } = await observed.app.addPerson()
    const out = await observed.during(async () => {
      for (const login of [`${email},${evil}`, `${email}\r\nRCPT TO:<${evil}>`, `"${evil}"@example.com`]) {
        await add('link-request', { ...genuine(id), target: { login }, client: '127.0.0.1' })
      }
    })
    expect(out).toEqual(nothingSent)
  })
})

async function failedJobs(): Promise<number> {
  const { rows } = await observed.app.sql.query<{ failed: string }>(
    `SELECT count(*) AS "failed" FROM rekey_queue.job WHERE state = 'failed'`,
  )
  return Number(rows[0]!.failed)
}

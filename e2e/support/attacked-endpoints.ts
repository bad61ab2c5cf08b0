import { expect } from 'vitest'
import type { Person } from './running-app'
import type { Received, Sent } from './exchange'
import { signedLinks } from './signed-links'
import { json, startEndpoints } from './started-endpoints'

type Link = { user_id: string; timestamp: number; signature: string }

export const invalid = [400, { detail: 'Invalid signature', code: 'signature-invalid' }]
export const used = [400, { detail: 'Invalid signature', code: 'signature-used' }]

export type AttackedEndpoints = Awaited<ReturnType<typeof startAttackedEndpoints>>

/** The endpoints of a running app that nothing may harm. */
export async function startAttackedEndpoints() {
  // I2: the app needs nothing of `__proto__`; without it, nothing can be polluted through it.
  const { app, send } = await startEndpoints({ NODE_OPTIONS: '--disable-proto=delete' })

  function post(path: string, body: string | Buffer, given: Partial<Sent> = {}): Promise<Received> {
    return send({ path, headers: [json], body, ...given })
  }

  /** All that a refused request must leave as it was: the accounts, what is kept beside them, and who asked. */
  async function allRows(): Promise<unknown> {
    const tables = [
      '"rekey"."users"',
      '"rekey"."recovery"',
      `(SELECT id FROM rekey_queue.job WHERE name = 'link-request') AS asks`,
    ]
    return Promise.all(
      tables.map(async (table) => (await app.sql.query(`SELECT * FROM ${table} ORDER BY 1`)).rows),
    )
  }

  /** An account with a link that would work. */
  async function someone(): Promise<{ person: Person; link: Link }> {
    const person = await app.addPerson()
    return { person, link: await signedLinks(app).linkOf(person) }
  }

  /** Everything that was logged; but for the greeting at the start, whatever is no JSON has been forged. */
  function logLines(): { event?: string }[] {
    const lines = app.output().trim().split('\n')
    return lines.filter((line) => !line.startsWith('Rekey is serving')).map((line) => JSON.parse(line))
  }

  /** That the app is the one that was started, works, and has had no fault of its own. */
  async function expectUnharmed(): Promise<void> {
    const { person } = await someone()
    expect(await app.linkFor(person)).toMatchObject({ user_id: person.id })
    const faults = ['request_failed', 'sys_request_failed', 'sys_crash', 'sys_restart']
    expect(logLines().filter(({ event }) => faults.includes(String(event)))).toEqual([])
  }

  return { app, post, allRows, someone, logLines, expectUnharmed }
}

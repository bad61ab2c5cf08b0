import { expect } from 'vitest'
import type { Person } from './running-app'
import type { Received, Sent } from './exchange'
import { signedLinks } from './signed-links'
import { json, startEndpoints } from './started-endpoints'

type Link = { user_id: string; timestamp: number; signature: string }

export const invalid = [400, { detail: 'Invalid signature', code: 'signature-invalid' }]
export const used = [400, { detail: 'Invalid signature', code: 'signature-used' }]

export type AttackedEndpoints = Awaited<ReturnType<typeof startAttackedEndpoints>>

export async function startAttackedEndpoints() {
  // The app must work without `__proto__`, through which a request could pollute objects (I2).
  const { app, send } = await startEndpoints({ NODE_OPTIONS: '--disable-proto=delete' })

  function post(path: string, body: string | Buffer, given: Partial<Sent> = {}): Promise<Received> {
    return send({ path, headers: [json], body, ...given })
  }

  async function allRows(): Promise<unknown> {
    const tables = [
      '"rekey"."users"',
      '"rekey"."recovery"',
      `(SELECT id FROM rekey_queue.job WHERE name = 'link-request') AS requests`,
    ]
    return Promise.all(
      tables.map(async (table) => (await app.sql.query(`SELECT * FROM ${table} ORDER BY 1`)).rows),
    )
  }

  async function personWithLink(): Promise<{ person: Person; link: Link }> {
    const person = await app.addPerson()
    return { person, link: await signedLinks(app).linkOf(person) }
  }

  /** Throws if a line is not JSON, because a request must have forged it. */
  function logLines(): { event?: string }[] {
    const lines = app.output().trim().split('\n')
    return lines.filter((line) => !line.startsWith('Rekey is serving')).map((line) => JSON.parse(line))
  }

  /** Checks that the app still sends links and has logged no crash, restart or internal error. */
  async function expectUnharmed(): Promise<void> {
    const { person } = await personWithLink()
    expect(await app.linkFor(person)).toMatchObject({ user_id: person.id })
    const faults = ['request_failed', 'sys_request_failed', 'sys_crash', 'sys_restart']
    expect(logLines().filter(({ event }) => faults.includes(String(event)))).toEqual([])
  }

  return { app, post, allRows, personWithLink, logLines, expectUnharmed }
}

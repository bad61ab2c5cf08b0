import { startApp } from './running-app'
import { requestLinkPath, resetPath } from './endpoint-paths'
import { exchange, type Received, type Sent } from './exchange'

export const frontEnd = 'https://front.example'
export const bothPaths = [requestLinkPath, resetPath]
/** The most bytes of a body. */
export const maxBodyBytes = 16 * 1024

export const json: [string, string] = ['Content-Type', 'application/json']
export const form: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
export const sent = { detail: 'Reset link sent if the user exists in database' }
export const required = { login: ['This field is required.'] }

export function statusAndJson({ status, json: body }: Pick<Received, 'status' | 'json'>): [number, unknown] {
  return [status, body]
}

export type StartedEndpoints = Awaited<ReturnType<typeof startEndpoints>>

export async function startEndpoints(env: Record<string, string> = {}) {
  const app = await startApp({ env: { CORS_ALLOWED_ORIGINS: frontEnd, DEFAULT_LOCALE: 'de', ...env } })
  const person = await app.addPerson()

  /** Sends a request exactly as given, by default for a link. */
  function send(given: Partial<Sent>): Promise<Received> {
    return exchange(app.port, { path: requestLinkPath, ...given })
  }

  function sendJson(value: unknown, headers: [string, string][] = []): Promise<Received> {
    return send({ headers: [json, ...headers], body: JSON.stringify(value) })
  }

  async function requestsStored(): Promise<number> {
    const { rows } = await app.sql.query<{ stored: string }>(
      `SELECT count(*) AS "stored" FROM rekey_queue.job WHERE name = 'link-request'`,
    )
    return Number(rows[0]!.stored)
  }

  return { app, person, known: { login: person.username }, send, sendJson, requestsStored }
}

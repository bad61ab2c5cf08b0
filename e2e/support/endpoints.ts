import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import * as requestRoute from '@/app/api/v1/accounts/send-reset-password-link/route'
import type { LinkPurpose } from '@/lib/password-reset/reset-link'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'
import { createMigratedDatabase } from './test-database'
import { resettableAccount } from './opened-services'

/** The origin of the service, and the one that `CORS_ALLOWED_ORIGINS` names. */
export const [own, front] = ['https://id.example.com', 'https://front.example']

export const json = { 'Content-Type': 'application/json' }
export const form = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html,*/*;q=0.8' }

type Given = { headers?: Record<string, string>; body?: BodyInit; method?: string }

export function requestTo(path: string, { headers = {}, body, method = 'POST' }: Given): Request {
  return new Request(`${own}/api/v1/accounts/${path}/`, {
    method,
    headers,
    ...(body !== undefined && { body, duplex: 'half' }),
  } as RequestInit)
}

export function post(
  headers: Record<string, string> = {},
  body: BodyInit = JSON.stringify({ login: 'nobody' }),
): Promise<Response> {
  return requestRoute.POST(requestTo('send-reset-password-link', { headers: { ...json, ...headers }, body }))
}

/** The handlers read their services here. */
export const shared = globalThis as { rekeyServices?: Services }

export type Endpoints = Awaited<ReturnType<typeof openEndpoints>>

/** The handlers without the front server, so that every rejection is their own. */
export async function openEndpoints() {
  const database = await createMigratedDatabase()
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  const opened: Services[] = []
  const services = start()

  function start(env: Record<string, string> = {}): Services {
    const made = createServices(
      readSettings({
        SECRET_KEY: randomBytes(32).toString('base64url'),
        DATABASE_URL: database.url,
        PUBLIC_URL: own,
        SMTP_URL: 'smtp://localhost',
        VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
        CORS_ALLOWED_ORIGINS: front,
        LOG_LEVEL: 'fatal',
        LIMIT_REQUESTS_PER_CLIENT: '1000/1m',
        LIMIT_REQUESTS_PER_LOGIN: '1000/1m',
        ...env,
      }),
    )
    opened.push(made)
    return (shared.rekeyServices = made)
  }

  function exchange(parts: Partial<Services> = {}): void {
    shared.rekeyServices = { ...services, ...parts }
  }

  async function countRequests(): Promise<number> {
    const { rows } = await sql.query(`SELECT count(*) FROM rekey_queue.job WHERE name = 'link-request'`)
    return Number(rows[0].count)
  }

  /** Checks the status of a rejected request, and that it stored nothing. */
  async function expectRefused(response: Promise<Response>, status: number): Promise<void> {
    const before = await countRequests()
    expect((await response).status).toBe(status)
    expect(await countRequests()).toBe(before)
  }

  async function personWithLink(purpose: LinkPurpose, { accounts, ownAccounts, links } = services) {
    const username = `user-${randomBytes(6).toString('hex')}`
    const id = await ownAccounts.add(resettableAccount(username))
    const { account, now } = await accounts.read(id)
    return { id, link: links.create(purpose, id, Math.floor(now.getTime() / 1000), account!) }
  }

  async function close(): Promise<void> {
    for (const { database: pool } of opened) await pool.close()
    await sql.end()
    await database.drop()
  }

  return { sql, services, start, exchange, countRequests, expectRefused, personWithLink, close }
}

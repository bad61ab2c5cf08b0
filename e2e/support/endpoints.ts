import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { expect } from 'vitest'
import * as ask from '@/app/api/v1/accounts/send-reset-password-link/route'
import type { LinkPurpose } from '@/lib/password-reset/reset-link'
import { createServices, type Services } from '@/services'
import { readSettings } from '@/lib/config/settings'
import { createMigratedDatabase } from './test-database'

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

/** Asks for a link, for somebody who has no account where nothing else is given. */
export function post(
  headers: Record<string, string> = {},
  body: BodyInit = JSON.stringify({ login: 'nobody' }),
): Promise<Response> {
  return ask.POST(requestTo('send-reset-password-link', { headers: { ...json, ...headers }, body }))
}

/** Where the handlers find their parts. */
const shared = globalThis as { rekeyServices?: Services }

export type Endpoints = Awaited<ReturnType<typeof openEndpoints>>

/** The handlers themselves, on a real database and without the server in front: what they refuse, nothing else does. */
export async function openEndpoints() {
  const database = await createMigratedDatabase()
  const sql = new pg.Client({ connectionString: database.url })
  await sql.connect()
  const opened: Services[] = []
  const services = start()

  /** Has the handlers find parts with these settings. */
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

  /** Has the handlers find the usual parts, but for these. */
  function exchange(parts: Partial<Services> = {}): void {
    shared.rekeyServices = { ...services, ...parts }
  }

  /** How often a link has been asked for. */
  async function countRequests(): Promise<number> {
    const { rows } = await sql.query(`SELECT count(*) FROM rekey_queue.job WHERE name = 'link-request'`)
    return Number(rows[0].count)
  }

  /** Refused, whatever is sent, before anything is stored. */
  async function expectRefused(answer: Promise<Response>, status: number): Promise<void> {
    const before = await countRequests()
    expect((await answer).status).toBe(status)
    expect(await countRequests()).toBe(before)
  }

  /** An account, and a link to it. */
  async function personWithLink(purpose: LinkPurpose, { accounts, ownAccounts, links } = services) {
    const username = `user-${randomBytes(6).toString('hex')}`
    const id = await ownAccounts.add({
      username,
      email: `${username}@example.com`,
      firstName: '',
      lastName: '',
      locale: null,
      passwordHash: 'a hash',
      isActive: true,
    })
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

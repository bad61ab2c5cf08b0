import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { migrate } from '@/lib/setup/migrate'
import { createHashQueue } from '@/lib/passwords/hash-queue'
import { startMailSink, type MailSink } from './mail-sink'
import { createMigratedDatabase, type TestDatabase } from './test-database'

export type NewPerson = {
  username?: string
  email?: string
  password?: string | null
  firstName?: string
  lastName?: string
  isActive?: boolean
  locale?: string | null
}

export type Person = { id: string; username: string; email: string }

export type RunningApp = {
  /** Scheme, host and port, without a trailing slash. */
  url: string
  port: number
  sink: MailSink
  database: TestDatabase
  sql: pg.Pool
  secret: string
  output(): string
  addPerson(person?: NewPerson): Promise<Person>
  /** Whether this is the account's password now. */
  passwordIs(person: Person, password: string): Promise<boolean>
  post(endpoint: Endpoint, body: unknown, headers?: Record<string, string>): Promise<Answer>
  linkFor(person: Person): Promise<LinkParameters>
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export type Endpoint = 'send-reset-password-link' | 'reset-password'
export type Answer = { status: number; headers: Headers; json: unknown; text: string }
export type LinkParameters = { user_id: string; timestamp: string; signature: string }

type AppPlace = {
  secret: string
  database: Pick<TestDatabase, 'url' | 'sharedSession'>
  sink: Pick<MailSink, 'url'>
  url: string
  port: number
}

const hash = createHashQueue()

/** Limits that no test reaches unless it sets lower ones. */
const noLimits = {
  LIMIT_REQUESTS_PER_CLIENT: '1000000/1m',
  LIMIT_REQUESTS_PER_LOGIN: '1000000/1m',
  LIMIT_RESETS_PER_CLIENT: '1000000/1m',
  LIMIT_ATTEMPTS_PER_LINK: '1000000/1m',
  LIMIT_EMAILS_PER_ACCOUNT: '100/1m',
  LIMIT_EMAILS_PER_MAILBOX: '100000/1m',
  LIMIT_EMAILS: '1000000/1m',
  EMAIL_COOLDOWN: '0s',
}

/** The settings of the built app, with limits that no test reaches. */
export function appSettings({ secret, database, sink, url, port }: AppPlace): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
  return {
    PATH,
    HOME,
    NODE_COMPILE_CACHE,
    SECRET_KEY: secret,
    DATABASE_URL: database.url,
    REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
    PUBLIC_URL: url,
    SMTP_URL: sink.url,
    VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
    PORT: String(port),
    HOST: '127.0.0.1',
    WEB_CONCURRENCY: '1',
    ...noLimits,
  }
}

/** A password that the default policy accepts, new each time. */
export function newPassword(): string {
  return `gravel ${randomBytes(6).toString('hex')} lantern`
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Starts the built app as `npm start` does, by default on a database and an SMTP server of its own.
 *
 * @param env settings beside the required ones; undefined removes one of those
 * @param ownsUsers false where the configuration of the build maps the table of another product
 */
export async function startApp({
  command = 'start',
  env = {},
  cwd = '.',
  database,
  sink,
  ownsUsers = true,
}: {
  command?: 'start' | 'demo'
  env?: Record<string, string | undefined>
  cwd?: string
  database?: TestDatabase
  sink?: MailSink
  ownsUsers?: boolean
} = {}): Promise<RunningApp> {
  const ownDatabase = database ?? (await createMigratedDatabase())
  const ownSink = sink ?? (await startMailSink())
  if (database !== undefined) await migrate(database, { ownsUsers })
  const port = Number(env.PORT ?? (await freePort()))
  const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-data-'))
  const url = `http://127.0.0.1:${port}`
  const base = new URL(new URL(env.PUBLIC_URL ?? url).pathname, url).href.replace(/\/$/, '')
  const secret = env.SECRET_KEY ?? randomBytes(32).toString('base64url')

  const child = spawn(process.execPath, ['scripts/run.js', command], {
    cwd,
    env: {
      ...appSettings({ secret, database: ownDatabase, sink: ownSink, url, port }),
      DATA_DIR: dataDir,
      ...env,
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child)
  await untilServing(child, output, base, command === 'start' && env.WORKER !== 'off')

  const sql = new pg.Pool({ connectionString: ownDatabase.url, max: 2 })
  sql.on('error', () => undefined)
  let stopped = false

  async function post(
    endpoint: Endpoint,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${base}/api/v1/accounts/${endpoint}/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      redirect: 'manual',
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parse(text) }
  }

  return {
    url,
    port,
    sink: ownSink,
    database: ownDatabase,
    sql,
    secret,
    output,
    post,
    async addPerson(person = {}) {
      const username = person.username ?? `user-${randomBytes(6).toString('hex')}`
      const email = person.email ?? `${username}@example.com`
      const password = person.password === undefined ? randomBytes(12).toString('hex') : person.password
      const passwordHash = password === null ? null : await hash.hash(password)
      const { rows } = await sql.query<{ id: string }>(
        `INSERT INTO "rekey"."users" ("id", "username", "email", "first_name", "last_name", "password", "is_active", "locale")
         VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7) RETURNING "id"`,
        [
          username,
          email,
          person.firstName ?? '',
          person.lastName ?? '',
          passwordHash,
          person.isActive ?? true,
          person.locale ?? null,
        ],
      )
      return { id: rows[0]!.id, username, email }
    },
    async passwordIs(person, password) {
      const { rows } = await sql.query<{ password: string | null }>(
        'SELECT "password" FROM "rekey"."users" WHERE "id" = $1',
        [person.id],
      )
      return hash.verify(rows[0]?.password ?? '', password)
    },
    async linkFor(person) {
      const answer = await post('send-reset-password-link', { login: person.username })
      if (answer.status !== 200) throw new Error(`The request got ${answer.status}: ${answer.text}`)
      return readLink((await ownSink.next(person.email)).link)
    },
    async stop(signal = 'SIGTERM') {
      if (stopped) return child.exitCode
      stopped = true
      await sql.end()
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
        await once(child, 'exit')
      }
      if (sink === undefined) await ownSink.close()
      if (database === undefined) await ownDatabase.drop()
      rmSync(dataDir, { recursive: true, force: true })
      return child.exitCode
    },
  }
}

export function readLink(link: string | undefined): LinkParameters {
  if (link === undefined) throw new Error('The email has no link.')
  const { searchParams } = new URL(link)
  const of = (name: string) => searchParams.get(name) ?? ''
  return { user_id: of('user_id'), timestamp: of('timestamp'), signature: of('signature') }
}

function collect(child: ChildProcess): () => string {
  let text = ''
  child.stdout?.on('data', (chunk) => (text += chunk))
  child.stderr?.on('data', (chunk) => (text += chunk))
  return () => text
}

async function untilServing(
  child: ChildProcess,
  output: () => string,
  base: string,
  worker: boolean,
): Promise<void> {
  const deadline = Date.now() + 120_000
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The app ended with ${child.exitCode}:\n${output()}`)
    const answer = await fetch(`${base}/api/health/ready`).catch(() => undefined)
    if (answer?.status === 200 && (!worker || output().includes('worker_started'))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.kill('SIGKILL')
  throw new Error(`The app did not serve within two minutes:\n${output()}`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

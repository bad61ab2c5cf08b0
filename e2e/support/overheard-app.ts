import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { notificationChannel } from '@/lib/queue/notifications'
import { startMailSink } from './mail-sink'
import { startApp, type RunningApp } from './running-app'

export const evil = 'eve@evil.example'
export const sent = [200, { detail: 'Reset link sent if the user exists in database' }]
export const path = '/api/v1/accounts/send-reset-password-link/'

/** What goes out where nothing does. */
export const silence = { recipients: [], commands: [] }

export type OverheardApp = Awaited<ReturnType<typeof startOverheardApp>>

/** An app whose every line to the mail server is heard. */
export async function startOverheardApp() {
  const sink = await startMailSink()
  const wire = await listenIn(sink.url)
  const app = await startApp({ sink, env: { SMTP_URL: wire.url } })

  /** What went out while something was done: recipients of emails, and commands to the mail server. */
  async function during(act: () => Promise<unknown>): Promise<{ recipients: string[]; commands: string[] }> {
    const before = { emails: sink.emails.length, commands: wire.commands.length }
    await act()
    await settled(app)
    return {
      recipients: sink.emails.slice(before.emails).flatMap(({ recipients }) => recipients),
      commands: wire.commands.slice(before.commands),
    }
  }

  async function ask(body: unknown): Promise<[number, unknown]> {
    const { status, json } = await app.post('send-reset-password-link', body)
    return [status, json]
  }

  /** Asks with each of the texts; all are answered as ever. */
  async function requestWith(logins: string[]): Promise<void> {
    const answers = await Promise.all(logins.map((login) => ask({ login })))
    expect(answers).toEqual(logins.map(() => sent))
  }

  async function stop(): Promise<void> {
    await app.stop()
    await wire.close()
    await sink.close()
  }

  return { app, sink, wire, during, ask, requestWith, stop }
}

/** Stands on the way to the mail server and hears every line that is said to it. */
async function listenIn(smtpUrl: string) {
  const commands: string[] = []
  const lines: string[] = []
  const server = createServer((client) => {
    const mailServer = connect(Number(new URL(smtpUrl).port), '127.0.0.1')
    let unfinished = ''
    let inEmail = false
    client.on('data', (chunk: Buffer) => {
      const heard = (unfinished + chunk.toString('latin1')).split('\r\n')
      unfinished = heard.pop()!
      for (const line of heard) {
        lines.push(line)
        if (!inEmail && !/^(EHLO|QUIT|RSET|NOOP)\b/.test(line)) commands.push(line)
        inEmail = inEmail ? line !== '.' : line === 'DATA'
      }
    })
    client.on('error', () => mailServer.destroy())
    mailServer.on('error', () => client.destroy())
    client.pipe(mailServer).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}?ignoreTLS=true`,
    /** What was said outside of emails, but for greetings and farewells. */
    commands,
    /** Everything. */
    lines,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** Waits until every job has come to its end; one that is to be tried again has not. */
export async function settled({ sql }: Pick<RunningApp, 'sql'>, withinMs = 30_000): Promise<void> {
  const left = async () => {
    const { rows } = await sql.query(
      `SELECT name, state, data, retry_count, output FROM rekey_queue.job WHERE state < 'completed'`,
    )
    return rows
  }
  await expect.poll(left, { timeout: withinMs, interval: 100 }).toEqual([])
}

/**
 * Waits until every job has come to its end, without the minutes that the queue leaves between two attempts: a job whose
 * heartbeat is late goes back to the queue, and one that waits for its next attempt has waited enough.
 */
export async function settledSoon(app: Pick<RunningApp, 'sql'>, withinMs = 60_000): Promise<void> {
  const hurrying = setInterval(() => void hurry(app).catch(() => undefined), 500)
  await settled(app, withinMs).finally(() => clearInterval(hurrying))
}

/** Heartbeats come every five seconds. The queue waits for twenty, so that a busy worker keeps its jobs. */
async function hurry({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query(
    `UPDATE rekey_queue.job SET state = 'retry', start_after = now(), heartbeat_on = NULL
      WHERE state = 'active' AND heartbeat_on < now() - interval '8 seconds' OR state = 'retry' AND start_after > now()`,
  )
  await wakeWorkers({ sql })
}

/** Has workers look for jobs now; they poll every few seconds for those whose time has come. */
export async function wakeWorkers({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query('SELECT pg_notify($1, name) FROM rekey_queue.queue', [notificationChannel('rekey_queue')])
}

let tags = 0
/** A word that nothing else is named by. */
export function newTag(): string {
  tags += 1
  return `${tags}${process.pid.toString(36)}${Date.now().toString(36)}`
}

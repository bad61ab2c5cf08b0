import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type pg from 'pg'
import { expect } from 'vitest'
import { notificationChannel } from '@/lib/queue/notifications'
import { startMailSink } from './mail-sink'
import { startApp, type RunningApp } from './running-app'

export const evil = 'eve@evil.example'
export const sent = [200, { detail: 'Reset link sent if the user exists in database' }]
export const path = '/api/v1/accounts/send-reset-password-link/'

/** The result of `during` where nothing was sent. */
export const nothingSent = { recipients: [], commands: [] }

export type ObservedApp = Awaited<ReturnType<typeof startObservedApp>>

/** Starts an app and records every line that it sends to its mail server. */
export async function startObservedApp() {
  const sink = await startMailSink()
  const wire = await recordSmtp(sink.url)
  const app = await startApp({ sink, env: { SMTP_URL: wire.url } })

  /** Does something and waits for its jobs. Returns the recipients of emails and the SMTP commands of that time. */
  async function during(act: () => Promise<unknown>): Promise<{ recipients: string[]; commands: string[] }> {
    const before = { emails: sink.emails.length, commands: wire.commands.length }
    await act()
    await settled(app)
    return {
      recipients: sink.emails.slice(before.emails).flatMap(({ recipients }) => recipients),
      commands: wire.commands.slice(before.commands),
    }
  }

  async function requestLink(body: unknown): Promise<[number, unknown]> {
    const { status, json } = await app.post('send-reset-password-link', body)
    return [status, json]
  }

  /** Requests a link with each text, and checks that each gets the usual response. */
  async function requestWith(logins: string[]): Promise<void> {
    const responses = await Promise.all(logins.map((login) => requestLink({ login })))
    expect(responses).toEqual(logins.map(() => sent))
  }

  async function stop(): Promise<void> {
    await app.stop()
    await wire.close()
    await sink.close()
  }

  return { app, sink, wire, during, requestLink, requestWith, stop }
}

/** Starts a proxy in front of the mail server that records every line sent to it. */
async function recordSmtp(smtpUrl: string) {
  const commands: string[] = []
  const lines: string[] = []
  const server = createServer((client) => {
    const mailServer = connect(Number(new URL(smtpUrl).port), '127.0.0.1')
    let unfinished = ''
    let inEmail = false
    client.on('data', (chunk: Buffer) => {
      const received = (unfinished + chunk.toString('latin1')).split('\r\n')
      unfinished = received.pop()!
      for (const line of received) {
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
    /** The commands outside of emails, without EHLO, QUIT, RSET and NOOP. */
    commands,
    /** All lines. */
    lines,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** Waits until every job has ended; one that waits for its next attempt has not. */
export async function settled({ sql }: { sql: pg.Pool | pg.Client }, withinMs = 30_000): Promise<void> {
  const left = async () => {
    const { rows } = await sql.query(
      `SELECT name, state, data, retry_count, output FROM rekey_queue.job WHERE state < 'completed'`,
    )
    return rows
  }
  await expect.poll(left, { timeout: withinMs, interval: 100 }).toEqual([])
}

/**
 * Waits until every job has ended, and shortens the minutes between two attempts: a job whose heartbeat is late goes back to
 * the queue, and one that waits for its next attempt gets it now.
 */
export async function settledSoon(app: Pick<RunningApp, 'sql'>, withinMs = 60_000): Promise<void> {
  const hurrying = setInterval(() => void hurry(app).catch(() => undefined), 500)
  await settled(app, withinMs).finally(() => clearInterval(hurrying))
}

/** Heartbeats come every five seconds. The queue would wait for twenty, because a busy worker may be late. */
async function hurry({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query(
    `UPDATE rekey_queue.job SET state = 'retry', start_after = now(), heartbeat_on = NULL
      WHERE state = 'active' AND heartbeat_on < now() - interval '8 seconds' OR state = 'retry' AND start_after > now()`,
  )
  await wakeWorkers({ sql })
}

/** Lets workers look for due jobs now; otherwise they poll every few seconds. */
export async function wakeWorkers({ sql }: Pick<RunningApp, 'sql'>): Promise<void> {
  await sql.query('SELECT pg_notify($1, name) FROM rekey_queue.queue', [notificationChannel('rekey_queue')])
}

let tags = 0
/** A word that is part of no other name. */
export function newTag(): string {
  tags += 1
  return `${tags}${process.pid.toString(36)}${Date.now().toString(36)}`
}

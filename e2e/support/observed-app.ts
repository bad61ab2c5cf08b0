import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { startMailSink } from './mail-sink'
import { startApp } from './running-app'
import { settled } from './settled-jobs'

export const evil = 'eve@evil.example'
export const sent = [200, { detail: 'Reset link sent if the user exists in database' }]

export const nothingSent = { recipients: [], commands: [] }

export type ObservedApp = Awaited<ReturnType<typeof startObservedApp>>

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
    lines,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

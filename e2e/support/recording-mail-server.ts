import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { onTestFinished } from 'vitest'

export type Delivery = { raw: Buffer; secure: boolean; user: unknown }

/** Stores emails and the bytes of its clients. It accepts emails without a login, and offers no STARTTLS by default. */
export async function startRecordingMailServer(options: SMTPServerOptions = {}) {
  const deliveries: Delivery[] = []
  const chunks: Buffer[] = []
  let connections = 0
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        deliveries.push({ raw: Buffer.concat(parts), secure: session.secure, user: session.user })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    connections += 1
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  const received = () => Buffer.concat(chunks).toString('utf8')
  return {
    port,
    url: `smtp://localhost:${port}/?ignoreTLS=true`,
    deliveries,
    received,
    /** The received lines, without those of emails. */
    commands: () =>
      received()
        .replace(/(?<=^DATA\r\n)[^]*?^\.\r\n/gm, '')
        .split('\r\n')
        .slice(0, -1),
    connections: () => connections,
  }
}

export const replyError = (responseCode: number, message: string) =>
  Object.assign(new Error(message), { responseCode })

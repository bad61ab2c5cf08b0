import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { makeSelfSignedCertificate } from './self-signed-certificate'

/** How the mail server is: well, or one of the ways in which mail servers are not. */
export const troubles = [
  'away',
  'refusing (550)',
  'putting off (451)',
  'silent',
  'not to be trusted',
] as const
export type Mood =
  | 'well'
  | (typeof troubles)[number]
  | 'refusing the login (535)'
  | 'dropping before 250'
  | 'dropping before 250, with the email'
  | 'dropping after 250'
  | 'a byte every five seconds'

export type TroubledMail = {
  /** What the app needs to be told: where the server is and that its certificate is good. */
  env: { SMTP_URL: string; NODE_EXTRA_CA_CERTS: string }
  /** Becomes so for all connections from now on, and ends those that there are. */
  becomes(mood: Mood): void
  /** Emails taken, and connections that came to nothing, so far. */
  counts: { taken: number; troubled: number }
  /** How many emails to an address were taken so far. */
  countTo(address: string): number
  close(): Promise<void>
}

/** A mail server over TLS that takes emails and forgets them, and can be in trouble. */
export async function startTroubledMail(): Promise<TroubledMail> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-mail-'))
  const trusted = makeSelfSignedCertificate('localhost')
  const stranger = makeSelfSignedCertificate('localhost')
  const ca = path.join(dir, 'ca.pem')
  writeFileSync(ca, trusted.cert)

  let mood: Mood = 'well'
  const counts = { taken: 0, troubled: 0 }
  const takenBy = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    ...trusted,
    authOptional: true,
    onConnect(_session, callback) {
      if (mood === 'silent') counts.troubled += 1
      else callback()
    },
    onRcptTo(_address, _session, callback) {
      const code = /\((\d{3})\)/.exec(mood)?.[1]
      if (code === undefined) return callback()
      counts.troubled += 1
      callback(Object.assign(new Error('not now'), { responseCode: Number(code) }))
    },
    onAuth(_auth, _session, callback) {
      if (mood !== 'refusing the login (535)') return callback(null, { user: 'rekey' })
      counts.troubled += 1
      callback(Object.assign(new Error('not you'), { responseCode: 535 }))
    },
    onData(stream, session, callback) {
      stream.resume()
      stream.on('end', () => {
        const socket = [...sockets].find(({ remotePort }) => remotePort === session.remotePort)
        if (mood.startsWith('dropping before 250')) {
          counts.troubled += 1
          if (mood === 'dropping before 250, with the email') take(session)
          socket?.destroy()
          return
        }
        take(session)
        if (mood === 'dropping after 250' && socket !== undefined) destroyAfterWrite(socket)
        callback()
      })
    },
  })
  const take = ({ envelope }: SMTPServerSession) => {
    counts.taken += 1
    for (const { address } of envelope.rcptTo) takenBy.set(address, (takenBy.get(address) ?? 0) + 1)
  }
  // Of a client that does not trust the certificate and leaves, as often as not.
  server.on('error', () => undefined)
  server.server.prependListener('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    if (mood === 'a byte every five seconds') {
      counts.troubled += 1
      trickle(socket)
    }
    if (mood !== 'away' && mood !== 'not to be trusted') return
    counts.troubled += 1
    if (mood === 'away') socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo

  return {
    env: { SMTP_URL: `smtp://rekey:rekey@localhost:${port}`, NODE_EXTRA_CA_CERTS: ca },
    counts,
    countTo: (address) => takenBy.get(address) ?? 0,
    becomes(next) {
      mood = next
      server.updateSecureContext(mood === 'not to be trusted' ? stranger : trusted)
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Ends a socket right after what it says next. */
function destroyAfterWrite(socket: Socket): void {
  const before = socket.bytesWritten
  const look = () => (socket.bytesWritten > before ? socket.destroy() : setImmediate(look))
  setImmediate(look)
}

/** Makes a socket say what it has to say very slowly. */
function trickle(socket: Socket): void {
  const write = socket.write.bind(socket) as (bytes: Buffer) => boolean
  let bytes = Buffer.alloc(0)
  const timer = setInterval(() => {
    if (bytes.length > 0) write(bytes.subarray(0, 1))
    bytes = bytes.subarray(1)
  }, 5_000)
  socket.once('close', () => clearInterval(timer))
  socket.write = ((chunk: string | Uint8Array) => {
    bytes = Buffer.concat([bytes, Buffer.from(chunk as Uint8Array)])
    return true
  }) as typeof socket.write
}

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import { makeSelfSignedCertificate } from './self-signed-certificate'

export const troubles = ['away', 'refusing (550)', 'deferring (451)', 'silent', 'untrusted'] as const
export type MailState =
  | 'working'
  | (typeof troubles)[number]
  | 'refusing the login (535)'
  | 'dropping before 250'
  | 'dropping before 250, with the email'
  | 'dropping after 250'
  | 'a byte every five seconds'

export type TroubledMail = {
  env: { SMTP_URL: string; NODE_EXTRA_CA_CERTS: string }
  /** Sets the state of all new connections, and ends those that are open. */
  becomes(state: MailState): void
  /** How many emails it accepted, and how many connections failed by its trouble. */
  counts: { taken: number; troubled: number }
  countTo(address: string): number
  close(): Promise<void>
}

export async function startTroubledMail(): Promise<TroubledMail> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-mail-'))
  const trusted = makeSelfSignedCertificate('localhost')
  const untrusted = makeSelfSignedCertificate('localhost')
  const ca = path.join(dir, 'ca.pem')
  writeFileSync(ca, trusted.cert)

  let state: MailState = 'working'
  const counts = { taken: 0, troubled: 0 }
  const takenBy = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    ...trusted,
    authOptional: true,
    onConnect(_session, callback) {
      if (state === 'silent') counts.troubled += 1
      else callback()
    },
    onRcptTo(_address, _session, callback) {
      const code = /\((\d{3})\)/.exec(state)?.[1]
      if (code === undefined) return callback()
      counts.troubled += 1
      callback(Object.assign(new Error('not now'), { responseCode: Number(code) }))
    },
    onAuth(_auth, _session, callback) {
      if (state !== 'refusing the login (535)') return callback(null, { user: 'rekey' })
      counts.troubled += 1
      callback(Object.assign(new Error('not you'), { responseCode: 535 }))
    },
    onData(stream, session, callback) {
      stream.resume()
      stream.on('end', () => {
        const socket = [...sockets].find(({ remotePort }) => remotePort === session.remotePort)
        if (state.startsWith('dropping before 250')) {
          counts.troubled += 1
          if (state === 'dropping before 250, with the email') take(session)
          socket?.destroy()
          return
        }
        take(session)
        if (state === 'dropping after 250' && socket !== undefined) destroyAfterWrite(socket)
        callback()
      })
    },
  })
  const take = ({ envelope }: SMTPServerSession) => {
    counts.taken += 1
    for (const { address } of envelope.rcptTo) takenBy.set(address, (takenBy.get(address) ?? 0) + 1)
  }
  // A client that does not trust the certificate disconnects.
  server.on('error', () => undefined)
  server.server.prependListener('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    if (state === 'a byte every five seconds') {
      counts.troubled += 1
      trickle(socket)
    }
    if (state !== 'away' && state !== 'untrusted') return
    counts.troubled += 1
    if (state === 'away') socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo

  return {
    env: { SMTP_URL: `smtp://rekey:rekey@localhost:${port}`, NODE_EXTRA_CA_CERTS: ca },
    counts,
    countTo: (address) => takenBy.get(address) ?? 0,
    becomes(next) {
      state = next
      server.updateSecureContext(state === 'untrusted' ? untrusted : trusted)
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function destroyAfterWrite(socket: Socket): void {
  const before = socket.bytesWritten
  const look = () => (socket.bytesWritten > before ? socket.destroy() : setImmediate(look))
  setImmediate(look)
}

/** Makes a socket send one byte every five seconds. */
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

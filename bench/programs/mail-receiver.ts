import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { serveOrders } from './orders'

/** `answerAfter` (milliseconds) and `keep` (sources of emails) apply from now on. `take` returns the emails and forgets them. */
export type MailOrder = { answerAfter?: number; keep?: boolean; take?: boolean }

/** `at`: the end of the data, in milliseconds since the epoch; `source`: if `keep` was set. */
export type ReceivedEmail = { to: string; at: number; source?: string }

/** `waiting`: the number of emails before `take`. */
export type MailReply = { port: number; waiting: number; emails: ReceivedEmail[] }

let answerAfter = 0
let keep = false
const emails: ReceivedEmail[] = []

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onData(stream, { envelope }, callback) {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => keep && chunks.push(chunk))
    stream.on('end', () => {
      emails.push({
        to: envelope.rcptTo[0]!.address,
        at: performance.timeOrigin + performance.now(),
        ...(keep && { source: Buffer.concat(chunks).toString('latin1') }),
      })
      if (answerAfter === 0) callback()
      else setTimeout(callback, answerAfter)
    })
  },
})
server.on('error', () => undefined)
server.listen(0, '127.0.0.1')
await once(server.server, 'listening')
const { port } = server.server.address() as AddressInfo

serveOrders(async (order: MailOrder): Promise<MailReply> => {
  answerAfter = order.answerAfter ?? answerAfter
  keep = order.keep ?? keep
  const waiting = emails.length
  const taken = order.take ? emails.splice(0) : []
  return { port, waiting, emails: taken }
})

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { serveOrders } from './orders'

/**
 * `answerAfter`: from now on, the server accepts each email so many milliseconds after its last byte. `keep`: whether from now on
 * the source of each email is kept. `take`: whether to return the emails since the last order with `take`, and forget them.
 */
export type MailOrder = { answerAfter?: number; keep?: boolean; take?: boolean }

/** A received email. `at`: when its last byte came, in milliseconds since the epoch; `source`: only if `keep` was set. */
export type ReceivedEmail = { to: string; at: number; source?: string }

/** `waiting`: the number of emails since the last order with `take`, before this order. */
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

import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

export type EndingSessions = {
  url: string
  /** Runs work, ignoring its failure, and returns the errors that would have ended the process. */
  crashesDuring(work: () => Promise<unknown>): Promise<unknown[]>
  close(): void
}

/** Ends each session with 57P01 in the packet of its first response, so that no statement is in progress at the end. */
export async function startEndingSessions(): Promise<EndingSessions> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int32(0)), message('K', int32(7), int32(7)), ready]))
      socket.once('data', () => socket.end(Buffer.concat([message('C', text('SELECT 0')), ready, ended])))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `postgresql://somebody@127.0.0.1:${(server.address() as AddressInfo).port}/nothing`,
    async crashesDuring(work) {
      const crashes: unknown[] = []
      const collect = (error: unknown) => void crashes.push(error)
      process.on('uncaughtException', collect)
      await work().catch(() => undefined)
      // An error that an event of a socket throws is reported in a later turn of the event loop.
      await new Promise((resolve) => setTimeout(resolve, 50))
      process.off('uncaughtException', collect)
      return crashes
    },
    close: () => void server.close(),
  }
}

// PostgreSQL, "Message Formats".
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function text(...lines: string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\0`).join(''))
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

const ready = message('Z', Buffer.from('I'))
const ended = message(
  'E',
  text('SFATAL', 'C57P01', 'Mterminating connection due to administrator command', ''),
)

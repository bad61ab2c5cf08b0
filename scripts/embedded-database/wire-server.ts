import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

// PGlite is one session. What belongs together in PostgreSQL's protocol (its manual, "Message Flow") must reach it
// together: between one client's Parse and its Execute, another client's Parse would replace the unnamed
// statement, and one would get the other's rows. So this server hands over whole units, and keeps the session with one
// client while its transaction is open.

/** Codes that stand where a startup message has its protocol version. */
const startupCodes = { ssl: 80_877_103, gss: 80_877_104, cancel: 80_877_102 }

/** Messages after which PostgreSQL answers ReadyForQuery: Query, Sync, FunctionCall. */
const endsUnit = new Set(['Q', 'S', 'F'].map((type) => type.charCodeAt(0)))
const terminate = 'X'.charCodeAt(0)

/** A message longer than this is no query of ours. */
const longestMessage = 64 * 1024 * 1024

type Client = {
  socket: Socket
  received: Buffer
  started: boolean
  /** Messages of a unit whose end has not come yet. */
  unit: Buffer[]
  /** Whole units in the order in which they came. */
  units: Buffer[][]
}

/** Serves a PGlite database to any number of clients; the caller makes the server listen. */
export function createWireServer(db: Pick<PGlite, 'runExclusive' | 'execProtocolRawStream'>): Server {
  /** Clients with units, the longest waiting first. */
  const waiting: Client[] = []
  /** Whose transaction is open: nobody else gets in. */
  let owner: Client | undefined
  let busy = false

  const server = createServer((socket) => {
    const client: Client = { socket, received: Buffer.alloc(0), started: false, unit: [], units: [] }
    socket.setNoDelay(true)
    socket.on('data', (data) => {
      client.received = client.received.length === 0 ? data : Buffer.concat([client.received, data])
      try {
        takeMessages(client)
      } catch {
        socket.destroy()
      }
      line(client)
      void work()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      client.units = owner === client ? [[simpleQuery('ROLLBACK')]] : []
      line(client)
      void work()
    })
  })

  /** Has a client stand in line exactly while it has units. */
  function line(client: Client): void {
    const place = waiting.indexOf(client)
    if (client.units.length > 0 && place < 0) waiting.push(client)
    if (client.units.length === 0 && place >= 0) waiting.splice(place, 1)
  }

  async function work(): Promise<void> {
    if (busy) return
    busy = true
    try {
      for (let client = next(); client !== undefined; client = next()) {
        const unit = client.units.shift()!
        owner = (await run(client, unit)) === 'idle' ? undefined : client
        if (owner?.socket.destroyed) owner.units = [[simpleQuery('ROLLBACK')]]
        line(client)
      }
    } finally {
      busy = false
    }
  }

  function next(): Client | undefined {
    return owner === undefined ? waiting[0] : waiting.find((client) => client === owner)
  }

  /** Runs a unit with nothing in between, and passes the answer on. */
  async function run({ socket }: Client, unit: Buffer[]): Promise<'idle' | 'in-transaction'> {
    let tail: Buffer = Buffer.alloc(0)
    const pass = (data: Uint8Array) => {
      const answer = Buffer.from(data)
      tail = Buffer.concat([tail, answer]).subarray(-6)
      if (socket.writable) socket.write(answer)
    }
    try {
      await db.runExclusive(async () => {
        for (const message of unit) await db.execProtocolRawStream(message, { onRawData: pass })
      })
    } catch {
      socket.destroy()
      return 'idle'
    }
    return statusOf(tail) === 'I' ? 'idle' : 'in-transaction'
  }

  return server
}

/** Cuts what was received into messages, and messages into units. */
function takeMessages(client: Client): void {
  for (;;) {
    const { received, started } = client
    const header = started ? 1 : 0
    if (received.length < header + 4) return
    const length = header + received.readInt32BE(header)
    if (length < header + 4 || length > longestMessage) throw new Error('no message of the protocol')
    if (received.length < length) return
    const message = Buffer.from(received.subarray(0, length))
    client.received = received.subarray(length)
    if (!started) takeStartup(client, message)
    else if (message[0] === terminate) client.socket.end()
    else {
      client.unit.push(message)
      if (endsUnit.has(message[0]!)) client.units.push(client.unit.splice(0))
    }
  }
}

function takeStartup(client: Client, message: Buffer): void {
  const code = message.length >= 8 ? message.readInt32BE(4) : 0
  if (code === startupCodes.ssl || code === startupCodes.gss) client.socket.write('N')
  else if (code === startupCodes.cancel) client.socket.end()
  else {
    client.started = true
    client.units.push([message])
  }
}

/** The transaction status of a ReadyForQuery at the end of an answer: I idle, T in a transaction, E in a failed one. */
function statusOf(tail: Buffer): string {
  const isReady = tail.length === 6 && tail[0] === 'Z'.charCodeAt(0) && tail.readInt32BE(1) === 5
  return isReady ? String.fromCharCode(tail[5]!) : 'I'
}

function simpleQuery(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(text.length + 4, 1)
  return Buffer.concat([head, text])
}

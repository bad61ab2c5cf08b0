import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

// PGlite has a single session. Messages that form a unit in PostgreSQL's protocol (its manual, "Message Flow") must reach it
// without interleaving: between one client's Parse and its Execute, another client's Parse would replace the unnamed
// statement, and a client would get the rows of the other. So this server runs whole units, and reserves the session for one
// client while its transaction is open.

/** Special codes in place of the protocol version of a startup message. */
const startupCodes = { ssl: 80_877_103, gss: 80_877_104, cancel: 80_877_102 }

/** Messages to which PostgreSQL replies with ReadyForQuery: Query, Sync, FunctionCall. */
const endsUnit = new Set(['Q', 'S', 'F'].map((type) => type.charCodeAt(0)))
const terminate = 'X'.charCodeAt(0)

/** In bytes; Rekey sends no longer message, and unlimited ones could exhaust memory. */
const maxMessageLength = 64 * 1024 * 1024

type Client = {
  socket: Socket
  received: Buffer
  started: boolean
  /** Messages of an incomplete unit. */
  unit: Buffer[]
  /** Complete units in the order of their arrival. */
  units: Buffer[][]
}

/** Serves a PGlite database to any number of clients; the caller makes the server listen. */
export function createWireServer(db: Pick<PGlite, 'runExclusive' | 'execProtocolRawStream'>): Server {
  /** Clients with complete units, the longest waiting first. */
  const waiting: Client[] = []
  /** The client whose transaction is open; all others wait. */
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
      updateWaiting(client)
      void work()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      client.units = owner === client ? [[simpleQuery('ROLLBACK')]] : []
      updateWaiting(client)
      void work()
    })
  })

  /** Keeps a client in `waiting` exactly while it has complete units. */
  function updateWaiting(client: Client): void {
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
        updateWaiting(client)
      }
    } finally {
      busy = false
    }
  }

  function next(): Client | undefined {
    return owner === undefined ? waiting[0] : waiting.find((client) => client === owner)
  }

  /** Runs a unit without interruption and sends the response to its client. */
  async function run({ socket }: Client, unit: Buffer[]): Promise<'idle' | 'in-transaction'> {
    let tail: Buffer = Buffer.alloc(0)
    const pass = (data: Uint8Array) => {
      const response = Buffer.from(data)
      tail = Buffer.concat([tail, response]).subarray(-6)
      if (socket.writable) socket.write(response)
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

/** Splits received bytes into messages, and messages into units. */
function takeMessages(client: Client): void {
  for (;;) {
    const { received, started } = client
    const header = started ? 1 : 0
    if (received.length < header + 4) return
    const length = header + received.readInt32BE(header)
    if (length < header + 4 || length > maxMessageLength) throw new Error('no message of the protocol')
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

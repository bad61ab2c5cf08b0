import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

// PGlite has a single session. Another client's Parse between a client's Parse and its Execute would replace the unnamed statement
// (PostgreSQL manual, "Message Flow"). So this server runs whole units of messages, up to the reply ReadyForQuery, and reserves the
// session for one client while its transaction is open.

/** Codes that a startup message may have in place of the protocol version. */
const startupCodes = { ssl: 80_877_103, gss: 80_877_104, cancel: 80_877_102 }

/** The types of Query, Sync and FunctionCall, to which PostgreSQL replies with ReadyForQuery. */
const endsUnit = new Set(['Q', 'S', 'F'].map((type) => type.charCodeAt(0)))
const terminate = 'X'.charCodeAt(0)

const readyForQuery = 'Z'.charCodeAt(0)
const notification = 'A'.charCodeAt(0)

/** The most bytes of a message, which is kept in memory. */
const maxMessageLength = 64 * 1024 * 1024

type Client = {
  socket: Socket
  received: Buffer
  started: boolean
  /** Whether the startup message was run. Before that, the client must get no notification. */
  ready: boolean
  /** Messages of an incomplete unit. */
  unit: Buffer[]
  /** Complete units. */
  units: Buffer[][]
}

/** Serves a PGlite database to several clients. They share its session, so notifications go to all of them. */
export function createWireServer(db: Pick<PGlite, 'runExclusive' | 'execProtocolRawStream'>): Server {
  const clients = new Set<Client>()
  /** Clients with complete units. */
  const waiting: Client[] = []
  /** The client whose transaction is open. */
  let owner: Client | undefined
  let busy = false

  const server = createServer((socket) => {
    const client: Client = {
      socket,
      received: Buffer.alloc(0),
      started: false,
      ready: false,
      unit: [],
      units: [],
    }
    clients.add(client)
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
      clients.delete(client)
      client.units = owner === client ? [[simpleQuery('ROLLBACK')]] : []
      updateWaiting(client)
      void work()
    })
  })

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

  async function run(client: Client, unit: Buffer[]): Promise<'idle' | 'in-transaction'> {
    let received: Buffer = Buffer.alloc(0)
    let status = 'I'
    const pass = (data: Uint8Array) => {
      received = Buffer.concat([received, data])
      for (
        let message = firstMessage(received, 1);
        message !== undefined;
        message = firstMessage(received, 1)
      ) {
        received = received.subarray(message.length)
        if (message[0] === readyForQuery) status = String.fromCharCode(message[5]!)
        if (message[0] === notification) notifyOthers(client, message)
        if (client.socket.writable) client.socket.write(message)
      }
    }
    try {
      await db.runExclusive(async () => {
        for (const message of unit) await db.execProtocolRawStream(message, { onRawData: pass })
      })
    } catch {
      client.socket.destroy()
      return 'idle'
    }
    client.ready = true
    return status === 'I' ? 'idle' : 'in-transaction'
  }

  function notifyOthers(client: Client, message: Buffer): void {
    for (const other of clients)
      if (other !== client && other.ready && other.socket.writable) other.socket.write(message)
  }

  return server
}

/** Groups the complete messages into units. */
function takeMessages(client: Client): void {
  for (;;) {
    const message = firstMessage(client.received, client.started ? 1 : 0)
    if (message === undefined) return
    client.received = client.received.subarray(message.length)
    if (!client.started) takeStartup(client, message)
    else if (message[0] === terminate) client.socket.end()
    else {
      client.unit.push(message)
      if (endsUnit.has(message[0]!)) client.units.push(client.unit.splice(0))
    }
  }
}

/** Returns a copy, undefined if incomplete. @param header bytes before the length: a startup message has no type @throws Error */
function firstMessage(received: Buffer, header: 0 | 1): Buffer | undefined {
  if (received.length < header + 4) return undefined
  const length = header + received.readInt32BE(header)
  if (length < header + 4 || length > maxMessageLength) throw new Error('no message of the protocol')
  return received.length < length ? undefined : Buffer.from(received.subarray(0, length))
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

function simpleQuery(sql: string): Buffer {
  const text = Buffer.from(`${sql}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(text.length + 4, 1)
  return Buffer.concat([head, text])
}

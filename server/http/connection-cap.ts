import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { clientKey } from '@/lib/addresses/client-ip'

/** The least milliseconds from a failed search for a client's idle connection to the next: a burst must not cause thousands of searches. */
const searchPause = 100

type Cap = {
  /** The most connections of one client at once. */
  perClient: number
  /** Whether a connection had a request and has no response pending. */
  isIdle: (socket: Socket) => boolean
  /** Rejects a connection before reading from it. */
  reject: (socket: Socket) => void
}

/**
 * Limits the connections of each client, because even a connection without a request costs memory and time. At the limit, a
 * new connection replaces an idle one. If none is idle, the new one is rejected, and so is each further one for `searchPause`. For
 * clients that connect without a proxy: the connections of a proxy belong to many clients.
 *
 * Hides rejected connections from the listeners that the server has when this is called. Listeners added later see them.
 */
export function limitConnections(server: Server, { perClient, isIdle, reject }: Cap): void {
  const open = new Map<string, { sockets: Set<Socket>; lookAgain: number }>()
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')

  server.on('connection', (socket) => {
    // A unix socket has no address: all of its clients would count as one.
    const key = socket.remoteAddress === undefined ? undefined : clientKey(socket.remoteAddress)
    if (key !== undefined && !admit(socket, key)) return reject(socket)
    for (const listener of listeners) listener.call(server, socket)
  })

  function admit(socket: Socket, key: string): boolean {
    const client = open.get(key) ?? { sockets: new Set(), lookAgain: 0 }
    const { sockets } = client
    if (sockets.size >= perClient) {
      const now = performance.now()
      if (now < client.lookAgain) return false
      const idle = sockets.values().find(isIdle)
      if (idle === undefined) {
        client.lookAgain = now + searchPause
        return false
      }
      sockets.delete(idle)
      idle.destroy()
    }
    open.set(key, client)
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) open.delete(key)
    })
    return true
  }
}

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { clientKey } from '@/lib/addresses/client-ip'

/** Milliseconds without a search for a client's idle connection after one failed: a burst must not cause thousands of searches. */
const searchPause = 100

type Cap = {
  perClient: number
  isIdle: (socket: Socket) => boolean
  reject: (socket: Socket) => void
}

/**
 * Limits the connections of each client. At the limit, a new connection replaces an idle one or, if none is idle, is rejected. Not for
 * use behind a proxy, whose connections belong to many clients.
 *
 * Hides rejected connections from the listeners that the server has when this is called. Listeners added later see them.
 */
export function limitConnectionsPerClient(server: Server, { perClient, isIdle, reject }: Cap): void {
  const open = new Map<string, { sockets: Set<Socket>; lookAgain: number }>()
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')

  server.on('connection', (socket) => {
    // A unix socket has no address, so its clients cannot be told apart.
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

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { clientKey } from '@/lib/addresses/client-ip'

/** Milliseconds for which a look for idle connections that found none holds: there may be thousands of looks in a burst. */
const lookHolds = 100

type Cap = {
  /** The most connections of one client at once. */
  perClient: number
  /** Whether a connection has been answered and asks nothing at the moment. */
  isIdle: (socket: Socket) => boolean
  /** Says no on a connection of which nothing was read. */
  refuse: (socket: Socket) => void
}

/**
 * Bounds the connections of one client, where clients connect by themselves: each costs memory and time before it has sent
 * anything. Where the bound is reached, an idle one makes room for a new one, and a new one is refused where none is idle.
 *
 * Takes the place of the listeners that the server has for connections, so it comes first.
 */
export function capConnections(server: Server, { perClient, isIdle, refuse }: Cap): void {
  const open = new Map<string, { sockets: Set<Socket>; lookAgain: number }>()
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')

  server.on('connection', (socket) => {
    // A unix socket has no address: all of its clients would count as one.
    const key = socket.remoteAddress === undefined ? undefined : clientKey(socket.remoteAddress)
    if (key !== undefined && !admit(socket, key)) return refuse(socket)
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
        client.lookAgain = now + lookHolds
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

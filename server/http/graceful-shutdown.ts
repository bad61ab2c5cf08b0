import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Milliseconds after the shutdown began. */
export type ClosingTimes = {
  /** How long idle connections stay open: a request may already be on its way. */
  idleGrace: number
  drainGrace: number
}

/** Tracks which connections have a response pending, so that `drain` can stop the server after these responses (requirement F9). */
export function trackConnections(server: Server) {
  const responsesBySocket = new Map<Socket, Set<ServerResponse>>()
  const used = new WeakSet<Socket>()
  let draining = false
  let idleOver = false

  server.on('connection', (socket) => {
    responsesBySocket.set(socket, new Set())
    socket.once('close', () => responsesBySocket.delete(socket))
  })

  /**
   * Counts a response as pending until it closes. Call it for every request.
   *
   * @returns the number of pending responses on the connection, this one included, and the one before
   */
  function track<AnyResponse extends ServerResponse>(
    request: IncomingMessage,
    response: AnyResponse,
  ): { count: number; earlier: AnyResponse | undefined } {
    const { socket } = request
    const responses = responsesBySocket.get(socket) as Set<AnyResponse> | undefined
    const earlier = [...(responses ?? [])].at(-1)
    responses?.add(response)
    used.add(socket)
    response.once('close', () => {
      responses?.delete(response)
      if (idleOver && responses?.size === 0) socket.destroySoon()
    })
    return { count: responses?.size ?? 0, earlier }
  }

  /**
   * Stops accepting connections, and resolves when all have closed: idle ones after `idleGrace`, others after their last response, or
   * after `drainGrace` at the latest.
   */
  async function drain({ idleGrace, drainGrace }: ClosingTimes): Promise<void> {
    draining = true
    // The `close` of http.Server would close idle connections at once, although requests may be on their way.
    const gone = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()))
    const idle = setTimeout(() => {
      idleOver = true
      for (const [socket, responses] of responsesBySocket) if (responses.size === 0) socket.destroy()
    }, idleGrace)
    const end = setTimeout(() => {
      for (const socket of responsesBySocket.keys()) socket.destroy()
    }, drainGrace)
    await gone
    clearTimeout(idle)
    clearTimeout(end)
    server.close()
  }

  /** Whether a connection has a pending response whose headers are sent or whose request is complete. */
  function hasOpenResponse(socket: Duplex): boolean {
    const responses = responsesBySocket.get(socket as Socket) ?? new Set()
    return [...responses].some((response) => response.headersSent || response.req.complete)
  }

  /** Whether a connection had a request and has no response pending. */
  function isIdle(socket: Socket): boolean {
    return responsesBySocket.get(socket)?.size === 0 && used.has(socket)
  }

  return { track, drain, hasOpenResponse, isIdle, isDraining: () => draining }
}

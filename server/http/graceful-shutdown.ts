import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The times of a shutdown, in milliseconds. */
export type ClosingTimes = {
  /** How long idle connections stay open: a request may already be on its way on one of them. */
  idleGrace: number
  /** How long responses in progress may take. */
  drainGrace: number
}

/** Tracks which connections are in use, so that the server can stop without interrupting a response (requirement F9). */
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
   * Call it for every request.
   *
   * @returns `count`: the pending responses on the request's connection, with this one; `earlier`: the previous one
   */
  function count<AnyResponse extends ServerResponse>(
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
   * Stops accepting connections and lets responses in progress finish. The response to a new request on an open connection
   * announces that it closes. Resolves when all connections are closed.
   */
  async function drain({ idleGrace, drainGrace }: ClosingTimes): Promise<void> {
    draining = true
    // http.Server's close would drop idle connections at once, together with requests that are already on their way.
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

  /** Whether bytes written to the connection now would become a part of another request's response. */
  function hasOpenResponse(socket: Duplex): boolean {
    const responses = responsesBySocket.get(socket as Socket) ?? new Set()
    return [...responses].some((response) => response.headersSent || response.req.complete)
  }

  /** Whether a connection had a response and has none pending. */
  function isIdle(socket: Socket): boolean {
    return responsesBySocket.get(socket)?.size === 0 && used.has(socket)
  }

  return { count, drain, hasOpenResponse, isIdle, isDraining: () => draining }
}

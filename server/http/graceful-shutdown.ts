import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Milliseconds. */
export type ClosingTimes = {
  /** How long idle connections stay open: a request may already be on its way on one of them. */
  idleGrace: number
  /** How long answers in progress may take. */
  drainGrace: number
}

/** Knows which connections of a server are in use, so that it can go without cutting an answer off (requirement F9). */
export function trackConnections(server: Server) {
  const answering = new Map<Socket, Set<ServerResponse>>()
  const used = new WeakSet<Socket>()
  let draining = false
  let idleOver = false

  server.on('connection', (socket) => {
    answering.set(socket, new Set())
    socket.once('close', () => answering.delete(socket))
  })

  /**
   * To be told of every request.
   *
   * @returns how many answers its connection waits for, and the one before this
   */
  function count<Answer extends ServerResponse>(
    request: IncomingMessage,
    answer: Answer,
  ): { count: number; earlier: Answer | undefined } {
    const { socket } = request
    const answers = answering.get(socket) as Set<Answer> | undefined
    const earlier = [...(answers ?? [])].at(-1)
    answers?.add(answer)
    used.add(socket)
    answer.once('close', () => {
      answers?.delete(answer)
      if (idleOver && answers?.size === 0) socket.destroySoon()
    })
    return { count: answers?.size ?? 0, earlier }
  }

  /**
   * Accepts no more connections, lets answers in progress finish and those that use an open connection once more learn
   * that it closes; resolves when all connections are gone.
   */
  async function drain({ idleGrace, drainGrace }: ClosingTimes): Promise<void> {
    draining = true
    // The close of http.Server would drop idle connections at once, and the requests already on their way with them.
    const gone = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()))
    const idle = setTimeout(() => {
      idleOver = true
      for (const [socket, answers] of answering) if (answers.size === 0) socket.destroy()
    }, idleGrace)
    const end = setTimeout(() => {
      for (const socket of answering.keys()) socket.destroy()
    }, drainGrace)
    await gone
    clearTimeout(idle)
    clearTimeout(end)
    server.close()
  }

  /** Whether bytes written to the connection now would be taken for a part of somebody else's answer. */
  function isAnswering(socket: Duplex): boolean {
    const answers = answering.get(socket as Socket) ?? new Set()
    return [...answers].some((answer) => answer.headersSent || answer.req.complete)
  }

  /** Whether a connection has had an answer and waits for none. */
  function isIdle(socket: Socket): boolean {
    return answering.get(socket)?.size === 0 && used.has(socket)
  }

  return { count, drain, isAnswering, isIdle, isDraining: () => draining }
}

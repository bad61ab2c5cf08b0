import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export type SlowMailServer = {
  url: string
  /** Resolves when the next email to an address was accepted, with the time by `performance.now()`. */
  next(to: string): Promise<number>
  close(): Promise<unknown>
}

/** Accepts every email after a fixed time, in a thread of its own, so that its work does not count as time of the worker. */
export async function startSlowMailServer(answerAfterMs: number): Promise<SlowMailServer> {
  const thread = new Worker(program, { eval: true, workerData: answerAfterMs })
  const [port] = (await once(thread, 'message')) as [number]
  const waiting = new Map<string, (at: number) => void>()
  thread.on('message', ({ to, at }: { to: string; at: number }) => {
    waiting.get(to)?.(at - performance.timeOrigin)
    waiting.delete(to)
  })
  return {
    url: `smtp://127.0.0.1:${port}?ignoreTLS=true`,
    next: (to) => new Promise((resolve) => waiting.set(to, resolve)),
    close: () => thread.terminate(),
  }
}

const program = `
  const { createServer } = require('node:net')
  const { parentPort, workerData: answerAfterMs } = require('node:worker_threads')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.setNoDelay(true)
    let pending = ''
    let inMessage = false
    let to = ''
    const accept = (recipient) => {
      socket.write('250 accepted\\r\\n')
      parentPort.postMessage({ to: recipient, at: performance.timeOrigin + performance.now() })
    }
    socket.write('220 slow\\r\\n')
    socket.on('data', (chunk) => {
      const lines = (pending + chunk.toString('latin1')).split('\\r\\n')
      pending = lines.pop()
      for (const line of lines) {
        if (inMessage && line !== '.') continue
        if (inMessage) {
          inMessage = false
          setTimeout(accept, answerAfterMs, to)
          continue
        }
        to = /^RCPT TO:<(.*)>/i.exec(line)?.[1] ?? to
        inMessage = line === 'DATA'
        socket.write(inMessage ? '354 go on\\r\\n' : '250 ok\\r\\n')
      }
    })
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

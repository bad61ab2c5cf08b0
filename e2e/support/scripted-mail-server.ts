import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

type Step =
  'banner' | 'EHLO' | 'HELO' | 'STARTTLS' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | '.' | 'RSET' | 'QUIT'

/** Replies by step; null is no reply. A reply of 421, and a banner other than 220, closes the connection. */
export type Script = Partial<Record<Step, string | null | ((line: string) => string | null)>>

export type ScriptedMailServer = {
  port: number
  /** Every received command, without the lines of messages. */
  heard: string[]
  sockets: Set<Socket>
  close(): void
}

export async function startScriptedMailServer(script: Script = {}): Promise<ScriptedMailServer> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const usual: Script = { banner: '220 scripted', DATA: '354 go on', QUIT: '221 bye' }
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    let pending = ''
    let inMessage = false
    say('banner', '')
    socket.on('data', (chunk) => {
      const lines = (pending + chunk.toString('utf8')).split('\r\n')
      pending = lines.pop()!
      for (const line of lines) {
        if (inMessage && line !== '.') continue
        heard.push(line)
        say((line === '.' ? '.' : (line.split(' ')[0] ?? '').toUpperCase()) as Step, line)
      }
    })

    function say(step: Step, line: string): void {
      const scripted = script[step] === undefined ? (usual[step] ?? '250 ok') : script[step]
      const reply = typeof scripted === 'function' ? scripted(line) : scripted
      if (reply === null) return
      inMessage = step === 'DATA' && reply.startsWith('354')
      socket.write(`${reply}\r\n`)
      if (reply.startsWith('421') || (step === 'banner' && !reply.startsWith('220'))) socket.end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

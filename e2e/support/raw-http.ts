import { connect, type Socket } from 'node:net'

// HTTP as bytes, because a client library refuses to send, or hides, most of what these tests need.

export type RawAnswer = {
  status: number
  /** Names in lower case; repeated fields are joined with `, `. */
  headers: Map<string, string>
  /** As received, with the framing of chunks. */
  body: string
}

type Talk = {
  /** Stops reading when the received text matches. */
  until?: RegExp
  /** Milliseconds. */
  patience?: number
}

/**
 * Sends bytes and collects the response until the server closes, `until` matches or `patience` ends.
 *
 * @param address a port of this machine, or the path of a unix socket
 */
export async function talk(
  address: number | string,
  bytes: string | Buffer,
  { until, patience = 3_000 }: Talk = {},
): Promise<{ text: string; closed: boolean; reset: boolean }> {
  const socket = await open(address)
  socket.write(bytes)
  return listen(socket, { until, patience })
}

/** @param allowHalfOpen whether it goes on sending when the server has ended its side */
export function open(address: number | string, { allowHalfOpen = false } = {}): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = typeof address === 'string' ? { path: address } : { port: address, host: '127.0.0.1' }
    const socket = connect({ ...where, allowHalfOpen })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

export function listen(
  socket: Socket,
  { until, patience = 3_000 }: { until?: RegExp | undefined; patience?: number } = {},
) {
  return new Promise<{ text: string; closed: boolean; reset: boolean }>((resolve) => {
    let text = ''
    let reset = false
    let over = false
    const end = (closed: boolean) => {
      if (over) return
      over = true
      clearTimeout(timer)
      resolve({ text, closed, reset })
      if (until === undefined || closed) socket.destroy()
    }
    const timer = setTimeout(() => end(false), patience)
    socket.setEncoding('latin1')
    socket.on('data', (data) => {
      text += data
      if (until?.test(text)) end(false)
    })
    socket.on('error', () => (reset = true))
    socket.on('end', () => end(true))
    socket.on('close', () => end(true))
  })
}

/** Sends one request with `Connection: close` and returns the response. */
export async function ask(
  address: number | string,
  start: string,
  headers: string[] = [],
  body = '',
): Promise<RawAnswer> {
  const lines = [`${start} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers]
  const { text } = await talk(address, `${lines.join('\r\n')}\r\n\r\n${body}`)
  return parseAnswer(text)
}

/** Parses the first response of a text. */
export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [start = '', ...lines] = head.split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    const key = name.toLowerCase()
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value)
  }
  return { status: Number(start.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}

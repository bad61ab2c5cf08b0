import { connect, type Socket } from 'node:net'

// HTTP as bytes, because a client library refuses to send, or hides, most of what these tests need.

export type RawResponse = {
  status: number
  /** Names in lower case; repeated fields are joined with `, `. */
  headers: Map<string, string>
  /** As received, with the framing of chunks. */
  body: string
}

type Reading = {
  /** Stops reading when the received text matches. */
  until?: RegExp | undefined
  /** Milliseconds. */
  timeout?: number
}

/** Collects the response until the server closes, `until` matches or the time is over. */
export async function sendBytes(
  address: number | string,
  bytes: string | Buffer,
  { until, timeout = 3_000 }: Reading = {},
): Promise<{ text: string; closed: boolean; reset: boolean }> {
  const socket = await open(address)
  socket.write(bytes)
  return receive(socket, { until, timeout })
}

/** @param allowHalfOpen whether to go on sending when the server has ended its side */
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

export function receive(socket: Socket, { until, timeout = 3_000 }: Reading = {}) {
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
    const timer = setTimeout(() => end(false), timeout)
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

export async function sendRequest(
  address: number | string,
  start: string,
  headers: string[] = [],
  body = '',
): Promise<RawResponse> {
  const lines = [`${start} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers]
  const { text } = await sendBytes(address, `${lines.join('\r\n')}\r\n\r\n${body}`)
  return parseResponse(text)
}

export function parseResponse(text: string): RawResponse {
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

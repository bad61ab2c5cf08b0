import { request, type IncomingHttpHeaders } from 'node:http'

/** `fetch` would normalise most of what these tests send. */
export type Sent = {
  method?: string
  path: string
  /** In this order and spelling. `Host`, `Connection` and the body's framing are added where they are missing. */
  headers?: readonly (readonly [name: string, value: string])[]
  body?: string | Buffer | undefined
  /** Sends the body in chunks of this many bytes instead of declaring its length. */
  chunkSize?: number
}

export type Received = { status: number; headers: IncomingHttpHeaders; text: string; json: unknown }

/** Sends one request on a connection of its own, without following, retrying or decoding. */
export function exchange(port: number, sent: Sent): Promise<Received> {
  const { method = 'POST', path, headers = [], chunkSize } = sent
  const body = Buffer.from(sent.body ?? '')
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted)
  const framing: [string, string][] = []
  if (!has('host')) framing.push(['Host', `127.0.0.1:${port}`])
  if (chunkSize !== undefined && !has('transfer-encoding')) framing.push(['Transfer-Encoding', 'chunked'])
  const isFramed = chunkSize !== undefined || has('content-length')
  if (!isFramed && (body.length > 0 || method === 'POST')) framing.push(['Content-Length', `${body.length}`])

  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: false,
        headers: [...framing, ['Connection', 'close'], ...headers].flat() as unknown as Record<
          string,
          string
        >,
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parse(text) })
          outgoing.destroy()
        })
      },
    )
    outgoing.setTimeout(30_000, () =>
      outgoing.destroy(new Error(`No response to ${method} ${path} within 30 s.`)),
    )
    outgoing.on('error', reject)
    for (let at = 0; at < body.length; at += chunkSize ?? body.length) {
      outgoing.write(body.subarray(at, at + (chunkSize ?? body.length)))
    }
    outgoing.end()
  })
}

export function postJson(port: number, endpoint: string, body: object): Promise<Received> {
  return exchange(port, {
    path: `/api/v1/accounts/${endpoint}/`,
    headers: [['Content-Type', 'application/json']],
    body: JSON.stringify(body),
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

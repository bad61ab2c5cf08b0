import { Agent, request } from 'node:http'
import type { Endpoint } from './running-app'

export type Timed = {
  /** From the first byte that is sent to the last that is received, in milliseconds. */
  took: number
  status: number
  /** Status, headers in their order and the body, without what differs in every response. */
  plain: string
}

const unique = /^(date|x-request-id)$/i

/** A client that keeps its connection, so that no handshake is timed, and makes the body before the clock starts. */
export function timedClient(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  function post(endpoint: Endpoint, fields: object): Promise<Timed> {
    const body = Buffer.from(JSON.stringify(fields))
    const path = `/api/v1/accounts/${endpoint}/`
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }
    return new Promise((resolve, reject) => {
      const start = performance.now()
      const outgoing = request({ host: '127.0.0.1', port, method: 'POST', path, agent, headers })
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const took = performance.now() - start
          const { statusCode: status = 0, rawHeaders } = incoming
          const lines = rawHeaders.flatMap((name, i) =>
            i % 2 === 0 && !unique.test(name) ? [`${name}: ${rawHeaders[i + 1]}`] : [],
          )
          const plain = [status, ...lines, Buffer.concat(chunks).toString('latin1')].join('\n')
          resolve({ took, status, plain })
        })
      })
      outgoing.end(body)
    })
  }

  return { post, close: () => agent.destroy() }
}

export type TimedClient = ReturnType<typeof timedClient>

// A process of its own, so that the test measures the server alone. It prints `sent` when all requests are sent, and then the
// counts of statuses. With `keepOpen`, it ends when its standard input ends.
import { once } from 'node:events'
import http2 from 'node:http2'
import { connect } from 'node:net'

/**
 * @typedef {object} Burst
 * @property {number} port
 * @property {string} from the local address to connect from
 * @property {number} connections
 * @property {number} requests on each connection, none waiting for an answer
 * @property {string} path a GET goes there; with a body, a POST
 * @property {string} [body] JSON
 * @property {boolean} [overHttp2]
 * @property {boolean} keepOpen keeps connections open until the end; otherwise they are closed 0.1 seconds after sending
 */

/** @type {Burst} */
const burst = JSON.parse(process.argv[2] ?? '')
const { port, from, connections, requests, path, body, overHttp2, keepOpen } = burst
const method = body === undefined ? 'GET' : 'POST'

/** @type {Record<string, number>} */
const statuses = {}
const count = (/** @type {unknown} */ status) => {
  statuses[String(status)] = (statuses[String(status)] ?? 0) + 1
}
const open = () => connect({ port, host: '127.0.0.1', localAddress: from })

/** @returns {[sent: Promise<unknown>, end: () => void]} */
function sendOverHttp1() {
  const socket = open()
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: a']
  if (body !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${body.length}`)
  const sent = new Promise((resolve) => {
    for (const event of ['error', 'close']) socket.on(event, resolve)
    socket.on('connect', () =>
      socket.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`.repeat(requests), resolve),
    )
  })
  socket.on('data', (data) => {
    for (const [, status] of data.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) count(status)
  })
  return [sent, () => socket.destroy()]
}

/** @returns {[sent: Promise<unknown>, end: () => void]} */
function sendOverHttp2() {
  const session = http2.connect('http://a', { createConnection: open })
  session.on('error', () => undefined)
  for (let n = 0; n < requests; n += 1) {
    const stream = session.request({ ':method': method, ':path': path, 'content-type': 'application/json' })
    stream.on('error', () => undefined)
    stream.on('response', (headers) => count(headers[':status']))
    stream.resume()
    stream.end(body)
  }
  return [Promise.race([once(session, 'connect'), once(session, 'close')]), () => session.destroy()]
}

const all = Array.from({ length: connections }, () => (overHttp2 ? sendOverHttp2() : sendOverHttp1()))
await Promise.allSettled(all.map(([sent]) => sent))
process.stdout.write('sent\n')
if (keepOpen) {
  process.stdin.resume()
  await once(process.stdin, 'end')
} else await new Promise((resolve) => setTimeout(resolve, 100))
for (const [, end] of all) end()
process.stdout.write(`${JSON.stringify(statuses)}\n`, () => process.exit())

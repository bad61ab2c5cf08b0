import { randomBytes, randomInt } from 'node:crypto'
import http from 'node:http'
import { percentile } from '@/bench/statistics'
import { serveOrders } from './orders'

/** What to send, where, and for how long. */
export type LoadOrder = {
  /** Scheme, host and port. */
  url: string
  /** `{value}` stands for the next of `values`, `{random}` for 86 random characters of base64url. */
  path: string
  /** JSON, with the same placeholders; without it, a GET is sent. */
  body?: string
  /** A list, or consecutive numbers; either starts again at its end unless `once`. */
  values?: string[] | { first: number; count: number }
  /** Ends at the last value. */
  once?: boolean
  /** One address for all requests. By default each request comes from a client of its own. */
  client?: string
  connections: number
  seconds: number
  /** At this rate, whatever the responses take; by default each connection sends as fast as it is answered. */
  perSecond?: number
  /** Any other status ends the benchmark: the figures would be of something else. */
  status: number
  /** Whether to return when each value was answered. */
  keepTimes?: boolean
}

/** `p50` and `p99` in milliseconds; times in milliseconds since the epoch. */
export type LoadResult = {
  count: number
  seconds: number
  p50: number
  p99: number
  answeredAt: Record<string, number>
}

/** Addresses 10.0.0.0/8 in turn, from a random one on: limits of earlier loads must not count for this one. */
let client = randomInt(2 ** 24)
function nextClient(): string {
  client = (client + 1) % 2 ** 24
  return `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const { url, connections, seconds, perSecond, once = false, keepTimes = false } = order
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  const { hostname, port } = new URL(url)
  const latencies: number[] = []
  const answeredAt: Record<string, number> = {}
  const unexpected: Record<string, number> = {}
  let sent = 0

  function nextValue(): string | undefined {
    const { values = { first: 0, count: 1 } } = order
    const length = Array.isArray(values) ? values.length : values.count
    if (once && sent >= length) return undefined
    const at = sent++ % length
    return Array.isArray(values) ? values[at] : String(values.first + at)
  }

  function send(value: string, since: number): Promise<void> {
    const fill = (text: string) =>
      text.replaceAll('{value}', value).replaceAll('{random}', () => randomBytes(64).toString('base64url'))
    const body = order.body === undefined ? undefined : fill(order.body)
    const headers: http.OutgoingHttpHeaders = { 'X-Forwarded-For': order.client ?? nextClient() }
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json'
      headers['Content-Length'] = Buffer.byteLength(body)
    }
    return new Promise((resolve, reject) => {
      const request = http.request({
        agent,
        hostname,
        port,
        path: fill(order.path),
        method: body === undefined ? 'GET' : 'POST',
        headers,
      })
      request.on('error', reject)
      request.on('response', (response) => {
        response.on('error', reject)
        response.on('end', () => {
          latencies.push(performance.now() - since)
          if (response.statusCode !== order.status)
            unexpected[response.statusCode!] = (unexpected[response.statusCode!] ?? 0) + 1
          if (keepTimes) answeredAt[value] = performance.timeOrigin + performance.now()
          resolve()
        })
        response.resume()
      })
      request.end(body)
    })
  }

  const start = performance.now()
  const end = start + seconds * 1000

  async function sendInTurn(): Promise<void> {
    while (performance.now() < end) {
      const value = nextValue()
      if (value === undefined) return
      await send(value, performance.now())
    }
  }

  /** Latency counts from the time at which a request was due: a server that hesitates must not hide it. */
  async function sendOnTime(rate: number): Promise<void> {
    const pending: Promise<void>[] = []
    for (let n = 0; n < seconds * rate; n += 1) {
      const due = start + (n * 1000) / rate
      const wait = due - performance.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      const value = nextValue()
      if (value === undefined) break
      pending.push(send(value, due))
    }
    await Promise.all(pending)
  }

  if (perSecond === undefined) await Promise.all(Array.from({ length: connections }, sendInTurn))
  else await sendOnTime(perSecond)
  const elapsed = (performance.now() - start) / 1000
  agent.destroy()
  if (Object.keys(unexpected).length > 0)
    throw new Error(
      `${order.path} answered ${JSON.stringify(unexpected)} beside ${latencies.length} responses; ${order.status} was expected.`,
    )
  return {
    count: latencies.length,
    seconds: elapsed,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    answeredAt,
  }
}

serveOrders(load)

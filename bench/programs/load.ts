import { randomBytes, randomInt } from 'node:crypto'
import http from 'node:http'
import { percentile } from '@/bench/statistics'
import { serveOrders } from './orders'

export type LoadOrder = {
  /** Scheme, host and port. */
  url: string
  /** `{value}` stands for the next of `values`, `{random}` for 86 random characters of base64url. */
  path: string
  /** JSON with the same placeholders; without it, requests are GET. */
  body?: string
  /** Repeated, unless `once` is set. By default the only value is 0. */
  values?: string[] | { first: number; count: number }
  once?: boolean
  /** By default each request comes from another client IP. */
  client?: string
  connections: number
  seconds: number
  /** By default each connection sends as soon as it got a response. */
  perSecond?: number
  /** Another status makes the order fail, because other work would be measured. */
  status: number
  keepTimes?: boolean
}

/** `p50`, `p99`: milliseconds; `answeredAt`: milliseconds since the epoch, by value, if `keepTimes` is set. */
export type LoadResult = {
  count: number
  seconds: number
  p50: number
  p99: number
  answeredAt: Record<string, number>
}

/** In 10.0.0.0/8, from a random one on, because clients of earlier loads may have reached limits. */
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

  /** Latency is measured from the time at which a request is due: otherwise a slow server would delay requests unseen. */
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

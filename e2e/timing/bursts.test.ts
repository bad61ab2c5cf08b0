import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { isLong } from '@/e2e/support/long-form'
import { startNginx, type Proxy } from '@/e2e/support/nginx'
import { hasNginx } from '@/e2e/support/shared-host'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { childrenOf, resetPeak, hasProcFiles, memoryOf, peakOf } from '@/e2e/support/process-resources'

// Many connections from one address, each with as many requests as it may send before the first is answered, while somebody
// else asks for a link and an orchestrator for health. The figures of the long form stand in docs/long-runs.md.

const connections = isLong ? 5_000 : 300
/**
 * Milliseconds in which everybody else is answered. Five thousand connections are more than the system lets wait to be accepted
 * (4,096): who finds no room there is tried again by the system after one second, and after three.
 */
const soon = isLong ? 8_000 : 2_000
const ways = ['directly', 'through nginx', 'through nginx over HTTP/2'] as const
type Way = (typeof ways)[number]

const forged = JSON.stringify({
  user_id: 'x',
  timestamp: 1,
  signature: 'x'.repeat(86),
  password: 'gravel lantern',
})
const floods = {
  pages: { path: '/forgot-password/' },
  files: { path: '/icon.svg' },
  'health checks': { path: '/api/health/ready' },
  'posts with bad signatures': { path: '/api/v1/accounts/reset-password/', body: forged },
}
type Flood = keyof typeof floods

let apps: Record<'direct' | 'proxied', RunningApp>
let proxy: Proxy | undefined
beforeAll(async () => {
  if (!hasProcFiles) return
  const env = { WEB_CONCURRENCY: '2', LIMIT_RESETS_PER_CLIENT: undefined }
  apps = {
    direct: await startApp({ env }),
    proxied: await startApp({ env: { ...env, TRUSTED_PROXY_HOPS: '1' } }),
  }
  proxy = hasNginx ? await startNginx(apps.proxied.port) : undefined
})
afterAll(async () => {
  await proxy?.close()
  await Promise.all([apps?.direct.stop(), apps?.proxied.stop()])
})

/** What a person and an orchestrator see while `until` has not come, and the times that they wait, in milliseconds. */
async function probe(port: number, until: () => boolean) {
  const seen: { what: string; status: number; took: number }[] = []
  const again = async (what: string, ask: () => Promise<{ status: number }>) => {
    while (!until()) {
      const began = performance.now()
      const { status } = await ask()
      seen.push({ what, status, took: performance.now() - began })
    }
  }
  const json = [['Content-Type', 'application/json']] as const
  const post = {
    path: '/api/v1/accounts/send-reset-password-link/',
    headers: json,
    body: '{"login":"nobody"}',
  }
  await Promise.all([
    again('live', () => exchange(port, { method: 'GET', path: '/api/health/live' })),
    again('ready', () => exchange(port, { method: 'GET', path: '/api/health/ready' })),
    again('post', () => exchange(port, post)),
  ])
  return seen
}

/** Sends a burst, probes until a while after it, and gives what was seen, with the memory of the web processes. */
async function burst(way: Way, flood: Flood, keepOpen: boolean) {
  const app = way === 'directly' ? apps.direct : apps.proxied
  const port = way === 'directly' ? app.port : proxy!.port
  const overHttp2 = way === 'through nginx over HTTP/2'
  const shape = overHttp2
    ? { port: proxy!.http2Port, connections: Math.ceil(connections / 64), requests: 64, overHttp2 }
    : { port, connections, requests: 8 }
  const order = { ...shape, ...floods[flood], from: '127.0.0.2', keepOpen }
  const { webs } = childrenOf(app)
  // What is loaded on first use is a part of being idle.
  for (let n = 0; n < 20; n += 1) await exchange(app.port, { method: 'GET', path: '/forgot-password/' })
  const idle = webs.map(memoryOf)
  for (const pid of webs) resetPeak(pid)

  const attacker = spawn(process.execPath, ['e2e/support/burst.js', JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let over = Infinity
  let statuses: Record<string, number> | undefined
  const began = performance.now()
  createInterface({ input: attacker.stdout }).on('line', (line) => {
    if (line !== 'sent') statuses = JSON.parse(line) as Record<string, number>
    // What waits is worked off meanwhile.
    if (line === 'sent' && keepOpen) setTimeout(() => attacker.stdin.end(), 2_000)
    if (line !== 'sent') over = performance.now()
  })
  const seen = await probe(port, () => performance.now() > over + 2_000)
  const slowest = Math.round(Math.max(...seen.map(({ took }) => took)))
  const peaks = webs.map((pid, n) => peakOf(pid) / idle[n]!)
  if (isLong)
    process.stdout.write(
      `${flood}, ${way}, ${keepOpen ? 'kept open' : 'closed'}: ${Math.round(over - began)} ms, slowest ${slowest} ms, ` +
        `memory × ${Math.max(...peaks).toFixed(2)}, ${JSON.stringify(statuses)}\n`,
    )
  return { seen, slowest, peaks, statuses }
}

const needsNginx = (way: Way) => way !== 'directly' && !hasNginx && process.env.CI === undefined

describe.runIf(hasProcFiles).each(ways)('a burst %s [R9]', (way) => {
  const wanted = isLong || way === 'directly' ? (Object.keys(floods) as Flood[]) : (['pages'] as const)
  const cases = wanted.flatMap((flood) =>
    [false, true].map((keepOpen) => [flood, keepOpen ? 'kept open' : 'closed at once', keepOpen] as const),
  )
  test.skipIf(needsNginx(way)).each(cases)(
    'of %s, %s, holds nobody else up and takes no more than twice the memory [R9]',
    async (flood, _, keepOpen) => {
      const { seen, slowest, peaks } = await burst(way, flood, keepOpen)
      expect(seen.filter(({ status }) => status !== 200)).toEqual([])
      for (const what of ['live', 'ready', 'post'])
        expect(seen.filter((one) => one.what === what)).not.toEqual([])
      expect(slowest).toBeLessThan(soon)
      for (const peak of peaks) expect(peak).toBeLessThan(2)
    },
    isLong ? 300_000 : 60_000,
  )
})

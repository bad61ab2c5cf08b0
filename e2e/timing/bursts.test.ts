import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange } from '@/e2e/support/exchange'
import { isLong } from '@/e2e/support/long-form'
import { startNginx, type Proxy } from '@/e2e/support/nginx'
import { hasNginx } from '@/e2e/support/shared-host'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { childrenOf, resetPeak, hasProcFiles, memoryOf, peakOf } from '@/e2e/support/process-resources'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

// One address sends many requests while other clients request a link and the health checks. docs/long-runs.md has the figures.

const connections = isLong ? 5_000 : 300
/** Milliseconds. 5,000 connections exceed the system's queue of 4,096, so some attempts are repeated after one second and three. */
const longest = isLong ? 8_000 : 2_000
const paths = ['directly', 'through nginx', 'through nginx over HTTP/2'] as const
type Path = (typeof paths)[number]

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
  'posts with bad signatures': { path: resetPath, body: forged },
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

async function probe(port: number, isOver: () => boolean) {
  const probes: { what: string; status: number; took: number }[] = []
  const repeat = async (what: string, send: () => Promise<{ status: number }>) => {
    while (!isOver()) {
      const began = performance.now()
      const { status } = await send()
      probes.push({ what, status, took: performance.now() - began })
    }
  }
  const json = [['Content-Type', 'application/json']] as const
  const post = {
    path: requestLinkPath,
    headers: json,
    body: '{"login":"nobody"}',
  }
  await Promise.all([
    repeat('live', () => exchange(port, { method: 'GET', path: '/api/health/live' })),
    repeat('ready', () => exchange(port, { method: 'GET', path: '/api/health/ready' })),
    repeat('post', () => exchange(port, post)),
  ])
  return probes
}

/** Probes until two seconds after a burst. Returns the probes, and the ratio of peak to idle memory. */
async function burst(path: Path, flood: Flood, keepOpen: boolean) {
  const app = path === 'directly' ? apps.direct : apps.proxied
  const port = path === 'directly' ? app.port : proxy!.port
  const overHttp2 = path === 'through nginx over HTTP/2'
  const shape = overHttp2
    ? { port: proxy!.http2Port, connections: Math.ceil(connections / 64), requests: 64, overHttp2 }
    : { port, connections, requests: 8 }
  const order = { ...shape, ...floods[flood], from: '127.0.0.2', keepOpen }
  const { webs } = childrenOf(app)
  // Code that is loaded at its first use belongs to the idle memory.
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
    // Waiting requests are processed in these two seconds.
    if (line === 'sent' && keepOpen) setTimeout(() => attacker.stdin.end(), 2_000)
    if (line !== 'sent') over = performance.now()
  })
  const probes = await probe(port, () => performance.now() > over + 2_000)
  const slowest = Math.round(Math.max(...probes.map(({ took }) => took)))
  const peaks = webs.map((pid, n) => peakOf(pid) / idle[n]!)
  if (isLong)
    process.stdout.write(
      `${flood}, ${path}, ${keepOpen ? 'kept open' : 'closed'}: ${Math.round(over - began)} ms, slowest ${slowest} ms, ` +
        `memory × ${Math.max(...peaks).toFixed(2)}, ${JSON.stringify(statuses)}\n`,
    )
  return { probes, slowest, peaks }
}

const needsNginx = (path: Path) => path !== 'directly' && !hasNginx && process.env.CI === undefined

describe.runIf(hasProcFiles).each(paths)('a burst of requests %s', (path) => {
  const wanted = isLong || path === 'directly' ? (Object.keys(floods) as Flood[]) : (['pages'] as const)
  const cases = wanted.flatMap((flood) =>
    [false, true].map((keepOpen) => [flood, keepOpen ? 'kept open' : 'closed at once', keepOpen] as const),
  )
  test.skipIf(needsNginx(path)).each(cases)(
    'a burst of %s on connections that are %s delays no other client and less than doubles the memory [R9]',
    async (flood, _, keepOpen) => {
      const { probes, slowest, peaks } = await burst(path, flood, keepOpen)
      expect(probes.filter(({ status }) => status !== 200)).toEqual([])
      for (const what of ['live', 'ready', 'post'])
        expect(probes.filter((one) => one.what === what)).not.toEqual([])
      expect(slowest).toBeLessThan(longest)
      for (const peak of peaks) expect(peak).toBeLessThan(2)
    },
    isLong ? 300_000 : 60_000,
  )
})

import { BlockList, isIP } from 'node:net'
import { unknownClient } from '@/lib/addresses/client-ip'
import { count } from '@/lib/metrics/count'
import type { Log } from './log'

/** Kinds of rejections that a wrong setting of Rekey or of a proxy can cause. */
const explanations = {
  'plain-http': {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests are refused because the header X-Forwarded-Proto is http: the proxy that ends TLS must set it to https, those behind it must pass it on, and TRUSTED_PROXY_HOPS must count them all.',
  },
  'other-host': {
    setting: 'PUBLIC_URL',
    hint: 'Requests are refused because the header Host names neither localhost nor the host of PUBLIC_URL: demo and dev accept only these names.',
  },
  'outside-path': {
    setting: 'PUBLIC_URL',
    hint: 'Requests are answered 404 because they arrive without the path of PUBLIC_URL: the proxy in front must pass the path on unchanged.',
  },
  'large-headers': {
    hint: 'Requests are refused because their headers are more than 16 KiB or 100 lines: configure the proxies in front to add fewer, and to drop cookies of other applications.',
  },
  'cross-origin': {
    setting: 'PUBLIC_URL, CORS_ALLOWED_ORIGINS',
    hint: 'Requests are refused because the header Origin names another origin: PUBLIC_URL must equal the address in the browser, and CORS_ALLOWED_ORIGINS must list each other front end.',
  },
  'throttled-proxy': {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests from a private or unknown address are throttled: if it is the address of a proxy, all people count as one client until the proxy sends X-Forwarded-For and TRUSTED_PROXY_HOPS is set.',
  },
  busy: {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests are answered 503 because too many of one client, or of all, wait for their turn: a flood to stop in front of Rekey, or a proxy whose clients count as one because TRUSTED_PROXY_HOPS is too small.',
  },
} as const

export type RefusedRequestReason = keyof typeof explanations

/** The least milliseconds between two lines of the same kind and logger. */
const interval = 10 * 60_000

/** When each kind was last logged, in milliseconds of `performance.now()`. */
const logged = new WeakMap<Log, Map<RefusedRequestReason, number>>()

/** Counts a rejection. Logs at most one in ten minutes for each kind and logger, because attackers can cause thousands. */
export function reportRefusedRequest(log: Log, reason: RefusedRequestReason, now = performance.now()): void {
  count('requests_refused', { reason })
  const times = logged.get(log) ?? new Map<RefusedRequestReason, number>()
  logged.set(log, times)
  if (now - (times.get(reason) ?? -Infinity) < interval) return
  times.set(reason, now)
  log.warn({ event: 'requests_refused', reason, ...explanations[reason] })
}

/** Private, shared, loopback and link-local networks (RFC 6890). */
const privateNetworks = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  privateNetworks.addSubnet(network, bits)
for (const [network, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  privateNetworks.addSubnet(network, bits, 'ipv6')

/** Whether a canonical IP address, or `unknown`, may belong to a proxy. */
export function mayBeProxy(address: string): boolean {
  const version = isIP(address)
  if (version === 0) return address === unknownClient
  return privateNetworks.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

import { BlockList, isIP } from 'node:net'
import { unknownClient } from '@/lib/addresses/client-ip'
import type { Log } from './log'

/** What a wrong setting can have refused to everybody: the setting to look at, and what to look for. */
const misconfigurations = {
  'plain-http': {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests are refused because the header X-Forwarded-Proto says http: the proxy that ends TLS must set it to https, those behind it must pass it on, and TRUSTED_PROXY_HOPS must count them all.',
  },
  'other-host': {
    setting: 'PUBLIC_URL',
    hint: 'Requests are refused because the header Host names neither localhost nor the host of PUBLIC_URL: demo and dev are reached by these names only.',
  },
  'outside-path': {
    setting: 'PUBLIC_URL',
    hint: 'Requests are answered 404 because they arrive without the path of PUBLIC_URL: the proxy in front must pass the path on as it is.',
  },
  'large-headers': {
    hint: 'Requests are refused because their headers are more than 16 KiB or 100 lines: let the proxies in front add fewer, and keep cookies of other applications away.',
  },
  'cross-origin': {
    setting: 'PUBLIC_URL, CORS_ALLOWED_ORIGINS',
    hint: 'Requests are refused because the header Origin names another origin: PUBLIC_URL must be what stands in the address bar of people, and CORS_ALLOWED_ORIGINS must name each front end elsewhere.',
  },
  'throttled-proxy': {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests are throttled that come from a private address or from none: if a proxy has it, let the proxy send X-Forwarded-For, and set TRUSTED_PROXY_HOPS; else everybody counts as one client.',
  },
  busy: {
    setting: 'TRUSTED_PROXY_HOPS',
    hint: 'Requests are answered 503 because too many of one client, or of all, wait for their turn: a flood to stop in front of Rekey, or a proxy whose clients count as one because TRUSTED_PROXY_HOPS is too small.',
  },
} as const

export type Misconfiguration = keyof typeof misconfigurations

/** Milliseconds between two lines about the same kind of refusal. */
const quiet = 10 * 60_000

/** When each kind was last logged, for each log: a process has one. */
const logged = new WeakMap<Log, Map<Misconfiguration, number>>()

/**
 * Logs that a request was refused for something that a wrong setting may refuse to everybody: one line in ten minutes
 * for each kind and process, since a stranger can cause some of them by the thousand.
 *
 * @param now milliseconds of any clock that only goes on
 */
export function logRefusal(log: Log, reason: Misconfiguration, now = performance.now()): void {
  const times = logged.get(log) ?? new Map<Misconfiguration, number>()
  logged.set(log, times)
  if (now - (times.get(reason) ?? -Infinity) < quiet) return
  times.set(reason, now)
  log.warn({ event: 'requests_refused', reason, ...misconfigurations[reason] })
}

/** Networks that nobody on the internet has an address in (RFC 6890): a client from there is a proxy or a colleague. */
const privateNetworks = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
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

/**
 * Whether a client's address may be that of a proxy whose own clients are not told apart.
 *
 * @param address a canonical address, or `unknown`
 */
export function mayBeProxy(address: string): boolean {
  const version = isIP(address)
  if (version === 0) return address === unknownClient
  return privateNetworks.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

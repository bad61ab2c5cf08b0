import { isIPv4, isIPv6 } from 'node:net'

/** The address of whoever has none that can be used; all of them share one bucket (requirement R6). */
export const unknownClient = 'unknown'

/**
 * The one spelling of an address: IPv4 dotted, IPv6 compressed and in lower case (RFC 5952), IPv4 in IPv6 folded, zone
 * and port dropped (some proxies write `203.0.113.9:51244` or `[2001:db8::1]:51244`).
 *
 * @returns undefined for whatever is no address
 */
export function canonicalAddress(text: string): string | undefined {
  const written = text.trim()
  const bare = /^\[(.*)\](?::\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return undefined

  const compressed = compress(bare.replace(/%.*$/, ''))
  const folded = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(compressed)
  if (folded === null) return compressed
  const [high, low] = [parseInt(folded[1]!, 16), parseInt(folded[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/**
 * Who sent a request. The peer of the socket is hop 0; each trusted proxy in front moves one entry to the left in
 * `X-Forwarded-For`, counted from the right, where a client cannot write ("The perils of the real client IP").
 *
 * @param peer the socket's remote address; undefined on a unix socket
 * @param forwardedFor the lines of `X-Forwarded-For`, in order
 * @param hops how many proxies are trusted; 0 ignores the header
 * @returns a canonical address, or `unknown` where there is no usable one at that place
 */
export function clientAddress(peer: string | undefined, forwardedFor: string[], hops: number): string {
  if (hops === 0) return canonicalAddress(peer ?? '') ?? unknownClient
  const told = entriesOf(forwardedFor).at(-hops)
  return canonicalAddress(told ?? '') ?? unknownClient
}

/**
 * Whether `X-Forwarded-For` names fewer addresses than there are trusted proxies: then there are fewer proxies, and a
 * client that sends an address along is believed, or somebody came past them. Without the header, as a proxy's own health
 * checks are, nothing can be said.
 */
export function lacksHops(forwardedFor: string[], hops: number): boolean {
  return forwardedFor.length > 0 && entriesOf(forwardedFor).length < hops
}

function entriesOf(lines: string[]): string[] {
  return lines.join(',').split(',')
}

/**
 * What limits count: the address itself for IPv4, its /64 for IPv6, because whoever has one address of a /64 has them
 * all (CVE-2026-45364), and one shared bucket for what is no address.
 */
export function clientKey(address: string): string {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return unknownClient
  if (isIPv4(canonical)) return canonical
  return `${network(canonical, 4)}/64`
}

/**
 * Where roughly a request came from, for a letter: the /24 of an IPv4 address, the /48 of an IPv6 one.
 *
 * @returns undefined where the address is unknown
 */
export function roughClient(address: string): string | undefined {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return undefined
  if (isIPv4(canonical)) return `${canonical.split('.').slice(0, 3).join('.')}.0/24`
  return `${network(canonical, 3)}/48`
}

/** The first `groups` of the eight groups of an IPv6 address, the rest zero. */
function network(address: string, groups: number): string {
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return compress(`${[...left, ...zeros, ...right].slice(0, groups).join(':')}::`)
}

/** Leaves the spelling to the URL parser: it writes IPv6 as RFC 5952 does. */
function compress(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

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
  return dotted(parseInt(folded[1]!, 16), parseInt(folded[2]!, 16))
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
 * all (CVE-2026-45364), and one shared bucket for what is no address. An IPv4 address within an IPv6 one counts as
 * itself: a translator's prefix stands for all of IPv4, which is no single client.
 */
export function clientKey(address: string): string {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return unknownClient
  if (isIPv4(canonical)) return canonical
  if (isLocallyTranslated(canonical)) return canonical
  return embeddedIPv4(canonical) ?? `${network(canonical, 4)}/64`
}

/**
 * The /48 of an IPv6 client, which holds 65,536 of the /64s that clients count as: a site gets so much (RFC 6177).
 *
 * @returns undefined where the client is no /64, so has no such network
 */
export function siteKey(address: string): string | undefined {
  return clientKey(address).endsWith('/64') ? `${network(canonicalAddress(address)!, 3)}/48` : undefined
}

/**
 * Where roughly a request came from, for a letter: the /24 of an IPv4 address, the /48 of an IPv6 one.
 *
 * @returns undefined where the address is unknown
 */
export function roughClient(address: string): string | undefined {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return undefined
  const ipv4 = isIPv4(canonical) ? canonical : embeddedIPv4(canonical)
  if (ipv4 !== undefined) return `${ipv4.split('.').slice(0, 3).join('.')}.0/24`
  return `${network(canonical, 3)}/48`
}

/**
 * The IPv4 address that an IPv6 one was made of by a rule that its sender cannot change, since answers go to that IPv4
 * address. ISATAP (RFC 5214) is none of them: its owner chooses the interface id, and could be anybody in turn.
 *
 * @param address canonical; `::ffff:0:0/96` is folded there already
 */
function embeddedIPv4(address: string): string | undefined {
  const groups = groupsOf(address)
  const [first, second] = groups
  const startsWith = (...prefix: number[]) => prefix.every((group, place) => groups[place] === group)
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(groups[6]!, groups[7]!) // NAT64 (RFC 6052 §2.1)
  if (startsWith(0, 0, 0, 0, 0xffff, 0)) return dotted(groups[6]!, groups[7]!) // SIIT (RFC 2765 §2.1)
  if (first === 0x2002) return dotted(second!, groups[2]!) // 6to4 (RFC 3056 §2)
  // Teredo hides it from translators by inverting its bits (RFC 4380 §4).
  if (startsWith(0x2001, 0)) return dotted(groups[6]! ^ 0xffff, groups[7]! ^ 0xffff)
  return undefined
}

/**
 * Whether an operator's own NAT64 made the address (RFC 8215). Where in it the IPv4 address stands depends on the length
 * of prefix that was chosen; the whole of it stands for one client in any case, since the translator writes all of it.
 */
function isLocallyTranslated(address: string): boolean {
  return address.startsWith('64:ff9b:1:')
}

/** The first `count` of the eight groups of an IPv6 address, the rest zero. */
function network(address: string, count: number): string {
  const kept = groupsOf(address).slice(0, count)
  return compress(`${kept.map((group) => group.toString(16)).join(':')}::`)
}

/** The eight groups of a canonical IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => parseInt(group, 16))
}

/** An IPv4 address of two groups of an IPv6 one. */
function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Leaves the spelling to the URL parser: it writes IPv6 as RFC 5952 does. */
function compress(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

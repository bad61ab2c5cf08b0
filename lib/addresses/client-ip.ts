import { isIPv4, isIPv6 } from 'node:net'

/** Stands for an unknown IP address. Rate limits count the clients with unknown addresses as one (requirement R6). */
export const unknownClient = 'unknown'

/** Returns the canonical spelling of an IP address (RFC 5952), IPv4-mapped as IPv4, without zone and port; undefined for other text. */
export function canonicalIp(text: string): string | undefined {
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
 * Determines the client's IP address. Each trusted proxy appends the address of its peer to `X-Forwarded-For`, so the client
 * is the entry at position `hops` from the right; entries further left can be forged ("The perils of the real client IP").
 *
 * @param hops how many proxies are trusted; with 0, the client is the peer
 * @returns a canonical address, or `unknown` if the peer or the entry is missing or not an IP address
 */
export function clientIp(peer: string | undefined, forwardedFor: string[], hops: number): string {
  if (hops === 0) return canonicalIp(peer ?? '') ?? unknownClient
  const entry = entriesOf(forwardedFor).at(-hops)
  return canonicalIp(entry ?? '') ?? unknownClient
}

/**
 * Whether `X-Forwarded-For` has fewer entries than there are trusted proxies: TRUSTED_PROXY_HOPS may be too high, and clients may forge
 * their address. False without the header, because health checks of a proxy may lack it.
 */
export function hasTooFewHops(forwardedFor: string[], hops: number): boolean {
  return forwardedFor.length > 0 && entriesOf(forwardedFor).length < hops
}

function entriesOf(lines: string[]): string[] {
  return lines.join(',').split(',')
}

/**
 * Returns the key under which rate limits count a client: an IPv4 address, `unknown`, or the /64 of an IPv6 address, because one client may
 * control a /64 (CVE-2026-45364). An embedded IPv4 address (`embeddedIPv4`) counts for itself: many clients may share its /64.
 */
export function clientKey(address: string): string {
  const canonical = canonicalIp(address)
  if (canonical === undefined) return unknownClient
  if (isIPv4(canonical)) return canonical
  if (isLocallyTranslated(canonical)) return canonical
  return embeddedIPv4(canonical) ?? `${network(canonical, 4)}/64`
}

/** Returns the /48 of a client that `clientKey` counts by a /64, else undefined: a site may have a whole /48 (RFC 6177). */
export function ipv6SiteKey(address: string): string | undefined {
  return clientKey(address).endsWith('/64') ? `${network(canonicalIp(address)!, 3)}/48` : undefined
}

/** Returns the /24 of an IPv4 address, also of an embedded one, or the /48 of an IPv6 address; undefined if the text is no IP address. */
export function clientNetwork(address: string): string | undefined {
  const canonical = canonicalIp(address)
  if (canonical === undefined) return undefined
  const ipv4 = isIPv4(canonical) ? canonical : embeddedIPv4(canonical)
  if (ipv4 !== undefined) return `${ipv4.split('.').slice(0, 3).join('.')}.0/24`
  return `${network(canonical, 3)}/48`
}

/**
 * Extracts the IPv4 address from a canonical IPv6 address of a transition mechanism; undefined for other addresses. Omits ISATAP
 * (RFC 5214), because a client could choose the IPv4 address freely.
 */
function embeddedIPv4(address: string): string | undefined {
  const groups = groupsOf(address)
  const [first, second] = groups
  const startsWith = (...prefix: number[]) => prefix.every((group, place) => groups[place] === group)
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(groups[6]!, groups[7]!) // NAT64 (RFC 6052 §2.1)
  if (startsWith(0, 0, 0, 0, 0xffff, 0)) return dotted(groups[6]!, groups[7]!) // SIIT (RFC 2765 §2.1)
  if (first === 0x2002) return dotted(second!, groups[2]!) // 6to4 (RFC 3056 §2)
  // Teredo stores the client's public IPv4 address with every bit inverted (RFC 4380 §4).
  if (startsWith(0x2001, 0)) return dotted(groups[6]! ^ 0xffff, groups[7]! ^ 0xffff)
  return undefined
}

/** Whether a local NAT64 (RFC 8215) made an address: its prefix length, and so the place of the IPv4 address, is unknown. */
function isLocallyTranslated(address: string): boolean {
  return address.startsWith('64:ff9b:1:')
}

/** Returns an IPv6 address with all groups after the first `count` set to zero. */
function network(address: string, count: number): string {
  const kept = groupsOf(address).slice(0, count)
  return compress(`${kept.map((group) => group.toString(16)).join(':')}::`)
}

function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => parseInt(group, 16))
}

/** Formats two groups of an IPv6 address as IPv4. */
function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Compresses an IPv6 address with the URL parser, which follows RFC 5952. */
function compress(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1)
}

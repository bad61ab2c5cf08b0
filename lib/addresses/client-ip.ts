import { isIPv4, isIPv6 } from 'node:net'

/** Stands for the IP address of clients whose address is unknown. Rate limits count them as one client (requirement R6). */
export const unknownClient = 'unknown'

/**
 * Returns the canonical spelling of an IP address: IPv4 dotted, IPv6 compressed and in lower case (RFC 5952), IPv4-mapped
 * IPv6 as IPv4. Drops the zone and the port (some proxies write `203.0.113.9:51244` or `[2001:db8::1]:51244`).
 *
 * @returns undefined if the text is not an IP address
 */
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
 * @param peer the socket's remote address; undefined on a Unix socket, or once the client has disconnected
 * @param forwardedFor the lines of `X-Forwarded-For`, in order
 * @param hops how many proxies are trusted; with 0, the client is the peer
 * @returns a canonical address, or `unknown` if the peer or the entry is missing or not an IP address
 */
export function clientIp(peer: string | undefined, forwardedFor: string[], hops: number): string {
  if (hops === 0) return canonicalIp(peer ?? '') ?? unknownClient
  const entry = entriesOf(forwardedFor).at(-hops)
  return canonicalIp(entry ?? '') ?? unknownClient
}

/**
 * Whether `X-Forwarded-For` has fewer entries than there are trusted proxies. If so, either TRUSTED_PROXY_HOPS is too high, and
 * clients can forge their address, or the client bypassed the proxies. False without the header, because health checks of a
 * proxy do not send it.
 */
export function hasTooFewHops(forwardedFor: string[], hops: number): boolean {
  return forwardedFor.length > 0 && entriesOf(forwardedFor).length < hops
}

function entriesOf(lines: string[]): string[] {
  return lines.join(',').split(',')
}

/**
 * Returns the key under which rate limits count a client: an IPv4 address, `unknown`, or the /64 of an IPv6 address, because a client
 * controls its whole /64 (CVE-2026-45364). An IPv6 address with an IPv4 address inside (`embeddedIPv4`) has the key of the IPv4 address,
 * because a transition mechanism may put many clients into one /64, or one client into many. An address of a local NAT64 is itself the key.
 */
export function clientKey(address: string): string {
  const canonical = canonicalIp(address)
  if (canonical === undefined) return unknownClient
  if (isIPv4(canonical)) return canonical
  if (isLocallyTranslated(canonical)) return canonical
  return embeddedIPv4(canonical) ?? `${network(canonical, 4)}/64`
}

/**
 * Returns the /48 of an IPv6 client, for a second rate limit: a site receives up to a /48 (RFC 6177), so its networks can count
 * as 65,536 clients.
 *
 * @returns undefined for IPv4, also inside an IPv6 address (`embeddedIPv4`), for an address of a local NAT64, and for `unknown`
 */
export function ipv6SiteKey(address: string): string | undefined {
  return clientKey(address).endsWith('/64') ? `${network(canonicalIp(address)!, 3)}/48` : undefined
}

/**
 * Returns the client's network for emails and the audit log: the /24 of an IPv4 address, also of an embedded one, or the /48 of
 * an IPv6 address; undefined if the address is unknown.
 */
export function clientNetwork(address: string): string | undefined {
  const canonical = canonicalIp(address)
  if (canonical === undefined) return undefined
  const ipv4 = isIPv4(canonical) ? canonical : embeddedIPv4(canonical)
  if (ipv4 !== undefined) return `${ipv4.split('.').slice(0, 3).join('.')}.0/24`
  return `${network(canonical, 3)}/48`
}

/**
 * Extracts the IPv4 address from an IPv6 address of a transition mechanism. Supports only the mechanisms that send responses to this
 * IPv4 address: with a forged one, a client receives no response. In ISATAP (RFC 5214), a client could choose the IPv4 address freely.
 *
 * @param address canonical IPv6
 * @returns undefined for any other address
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

/**
 * Whether a local NAT64 (RFC 8215) made an IPv6 address from a client's IPv4 address. Where that is in it depends on the length of the
 * local prefix, which is unknown. So `clientKey` takes the whole address, which the client cannot vary.
 */
function isLocallyTranslated(address: string): boolean {
  return address.startsWith('64:ff9b:1:')
}

/** Returns an IPv6 address whose first `count` groups are those of the given one, and whose others are zero. */
function network(address: string, count: number): string {
  const kept = groupsOf(address).slice(0, count)
  return compress(`${kept.map((group) => group.toString(16)).join(':')}::`)
}

/** Returns the eight groups of a canonical IPv6 address as numbers. */
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

/**
 * Whether a host name or an IP address means this machine. Connections to this machine need no encryption.
 *
 * @param hostname in lower case; an IPv4 address with all four numbers, a compressed IPv6 address with or without brackets
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    hostname === '::1' ||
    // Exactly four numbers, because 127.example.com is a host on the internet.
    /^127(\.\d+){3}$/.test(hostname)
  )
}

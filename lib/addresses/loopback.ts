/**
 * Whether a host name is this machine's, so that connections to it need no encryption.
 *
 * @param hostname an IPv6 address with or without brackets
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    hostname === '::1' ||
    // All four numbers, as the URL parser writes every IPv4 address: 127.example.com is a host on the internet.
    /^127(\.\d+){3}$/.test(hostname)
  )
}

/**
 * Whether the name never leaves this machine, so that nobody listens on the way to it.
 *
 * @param hostname an IPv6 address with or without brackets
 */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    hostname === '::1' ||
    // Four numbers, as the URL parser writes every IPv4 address: 127.example.com is somebody's host.
    /^127(\.\d+){3}$/.test(hostname)
  )
}

/** Whether a host name in lower case, or an IP address in canonical spelling, means this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    hostname === '::1' ||
    // 127.example.com is a host on the internet.
    /^127(\.\d+){3}$/.test(hostname)
  )
}

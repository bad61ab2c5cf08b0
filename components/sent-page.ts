import { usePathname } from 'next/navigation'

/** Whether the browser is at "check your email". Next gives the path without that of PUBLIC_URL. */
export function useIsSentPage(): boolean {
  // eslint-disable-next-line no-restricted-syntax -- it is compared with a route, and leads nowhere
  return usePathname().startsWith('/forgot-password/sent')
}

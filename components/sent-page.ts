import { usePathname } from 'next/navigation'

/** Whether the current page is "check your email". Next returns the path without the path of PUBLIC_URL. */
export function useIsSentPage(): boolean {
  // eslint-disable-next-line no-restricted-syntax -- a comparison with a route, not a link
  return usePathname().startsWith('/forgot-password/sent')
}

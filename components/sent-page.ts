import { usePathname } from 'next/navigation'

/** Whether the current URL is that of "check your email". `usePathname` omits the path of PUBLIC_URL. */
export function useIsSentPage(): boolean {
  // eslint-disable-next-line no-restricted-syntax -- a comparison with a route, not a link
  return usePathname().startsWith('/forgot-password/sent')
}

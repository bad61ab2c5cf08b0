import { usePathname } from 'next/navigation'

/** `usePathname` omits the path of PUBLIC_URL. */
export function useIsSentPage(): boolean {
  // eslint-disable-next-line no-restricted-syntax -- a comparison with a route, not a link
  return usePathname().startsWith('/forgot-password/sent')
}

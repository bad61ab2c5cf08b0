import { useSyncExternalStore } from 'react'

const never = () => () => {}

/** Whether React runs on the page: false in the server's HTML and during hydration, true afterwards. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  )
}

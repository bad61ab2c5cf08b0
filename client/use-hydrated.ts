import { useSyncExternalStore } from 'react'

const never = () => () => {}

/** Whether the page's scripts run: false in the HTML of the server and while React takes it over, true from then on. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  )
}

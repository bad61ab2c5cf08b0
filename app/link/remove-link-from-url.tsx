'use client'

import { useEffect, useLayoutEffect } from 'react'
import { repairUrlCutAtHash } from './url-cut-at-hash'

/**
 * Removes the link from the address bar and the tab's history entry once the page has hydrated (ASVS 14.2.1). The browser's list of
 * visited pages still contains the link. Calls the browser's own `replaceState` with null: the function by which Next replaces it
 * would keep Next's state of the page, which contains the link, in `history.state`.
 * Loads the page again if the URL was cut at `#` ({@link repairUrlCutAtHash}), or if the page comes from the back/forward cache.
 *
 * @param path shown in the address bar instead
 */
export function RemoveLinkFromUrl({ path }: { path: string }) {
  useLayoutEffect(() => {
    const whole = repairUrlCutAtHash(window.location)
    History.prototype.replaceState.call(window.history, null, '', path)
    if (whole !== undefined) window.location.replace(whole)
  }, [path])

  useEffect(() => {
    // A page from the back/forward cache still contains the link and the typed text.
    const reload = (event: PageTransitionEvent) => {
      if (event.persisted) window.location.reload()
    }
    window.addEventListener('pageshow', reload)
    return () => window.removeEventListener('pageshow', reload)
  }, [])

  return null
}

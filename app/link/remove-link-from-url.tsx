'use client'

import { useEffect, useLayoutEffect } from 'react'
import { repairUrlCutAtHash } from './url-cut-at-hash'

/**
 * Removes the link from the address bar and the tab's history entry once the page has hydrated (ASVS 14.2.1). The browser's list of
 * visited pages still contains the link. Next stores its state of the page, which contains the link, in `history.state`. The
 * `replaceState` that Next puts in place of the browser's would copy that state, so this calls the browser's own, with null.
 * Loads the page again if the URL was cut at `#` ({@link repairUrlCutAtHash}), or if the page comes from the back/forward cache.
 *
 * @param path shown in the address bar instead
 */
export function RemoveLinkFromUrl({ path }: { path: string }) {
  useLayoutEffect(() => {
    const whole = repairUrlCutAtHash(window.location)
    History.prototype.replaceState.call(window.history, null, '', path)
    // Load the page again, with the part of the link that the browser kept in the fragment.
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

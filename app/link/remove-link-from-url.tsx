'use client'

import { useEffect, useLayoutEffect } from 'react'
import { repairUrlCutAtHash } from './url-cut-at-hash'

/**
 * Removes the link from the address bar and the tab's history entry (ASVS 14.2.1). Calls the browser's own `replaceState`, because
 * that of Next would keep the link in `history.state`.
 */
export function RemoveLinkFromUrl() {
  useLayoutEffect(() => {
    const whole = repairUrlCutAtHash(window.location)
    History.prototype.replaceState.call(window.history, null, '', window.location.pathname)
    if (whole !== undefined) window.location.replace(whole)
  }, [])

  useEffect(() => {
    // A page from the back/forward cache still contains the link, and may contain a typed password.
    const reload = (event: PageTransitionEvent) => {
      if (event.persisted) window.location.reload()
    }
    window.addEventListener('pageshow', reload)
    return () => window.removeEventListener('pageshow', reload)
  }, [])

  return null
}

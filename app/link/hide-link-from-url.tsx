'use client'

import { useEffect, useLayoutEffect } from 'react'
import { addressWithFragment } from './link-in-fragment'

/**
 * Takes the link out of the address bar and out of what the tab remembers of this page as soon as the page is alive, and
 * so before any other request (ASVS 14.2.1). That it was visited, the browser has written down by then. Next, too, has put
 * its own state of the page, link included, into `history.state`, and its `replaceState` would copy that back in: the
 * browser's own is called, with nothing.
 *
 * @param path what the address bar shows instead
 */
export function HideLinkFromUrl({ path }: { path: string }) {
  useLayoutEffect(() => {
    const whole = addressWithFragment(window.location)
    History.prototype.replaceState.call(window.history, null, '', path)
    // Loads the page again with the part of the link that the browser did not send.
    if (whole !== undefined) window.location.replace(whole)
  }, [path])

  useEffect(() => {
    // A page kept alive for the Back button still holds the link and whatever was typed.
    const reload = (event: PageTransitionEvent) => {
      if (event.persisted) window.location.reload()
    }
    window.addEventListener('pageshow', reload)
    return () => window.removeEventListener('pageshow', reload)
  }, [])

  return null
}

import { useEffect, type ReactNode } from 'react'
import type { WholeFormErrorCode } from '@/lib/http/error-codes'

/** Sets the title, scrolls up and focuses the heading of a view that replaced another, so that screen readers continue there. */
export function useViewFocus(title: string): void {
  useEffect(() => {
    const before = document.title
    document.title = title
    window.scrollTo(0, 0)
    document.querySelector('h1')?.focus()
    return () => {
      document.title = before
    }
  }, [title])
}

export type ViewContent = { title: string; body: ReactNode }

/** What to show, by error code, if the link becomes invalid while the page is open. */
export type InvalidLinkViews = Partial<Record<WholeFormErrorCode, ViewContent>>

export function FocusedView({ view: { title, body } }: { view: ViewContent }) {
  useViewFocus(title)
  return body
}

/** Loads a page without Next's navigation, which could write its state of the current page, with the link, into the history. */
export function loadPage(path: string): void {
  window.location.assign(path)
}

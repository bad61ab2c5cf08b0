import { useEffect, type ReactNode } from 'react'

/**
 * Does for a view that replaces another within a page what the browser does for a new page: its title, its top, and the
 * focus on its heading, so that a screen reader reads on from there. The old title returns with the old view.
 */
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

/** What can take the place of a page without loading one. */
export type InPageView = { title: string; body: ReactNode }

export function FocusedView({ view: { title, body } }: { view: InPageView }) {
  useViewFocus(title)
  return body
}

/**
 * Goes to another page by loading it. Next's own navigation would tell the server, and write into the history, what it
 * knows of this page, which on the reset page includes the link.
 */
export function loadPage(path: string): void {
  window.location.assign(path)
}

import { useEffect, type ReactNode } from 'react'

/**
 * Presents a view that replaces another within a page: sets the title, scrolls to the top, and focuses the heading, so that a
 * screen reader continues there. Restores the previous title when the view is removed.
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

/** A view that replaces the content of a page without loading a new one. */
export type ViewContent = { title: string; body: ReactNode }

/** Shows a view in place of the page's content, as {@link useViewFocus} presents it. */
export function FocusedView({ view: { title, body } }: { view: ViewContent }) {
  useViewFocus(title)
  return body
}

/**
 * Loads another page as a whole, without Next's navigation. Otherwise Next would keep its state of the current page, and could write it
 * into the history later. On the reset page, that state contains the link.
 */
export function loadPage(path: string): void {
  window.location.assign(path)
}

import type { ComponentProps, ReactNode } from 'react'
import { SpinnerIcon } from './icons'

/** A word that is wider than the screen, in large type, breaks rather than sticks out (SC 1.4.4, SC 1.4.10). */
const shape =
  'inline-flex min-h-12 items-center justify-center gap-2 wrap-anywhere hyphens-auto rounded-xl px-5 py-2.5 text-center font-semibold text-balance transition-colors motion-reduce:transition-none'
const looks = {
  primary: 'bg-accent text-on-accent hover:bg-accent-pressed border-2 border-transparent',
  quiet: 'border-[1.5px] border-edge bg-surface text-ink hover:bg-hover',
}

/** How a button looks, for links that are the next thing to do. */
export function buttonLook(look: keyof typeof looks): string {
  return `${shape} ${looks[look]}`
}

/**
 * A button that stays where it is and keeps the focus while its form is on the way; the form itself ignores a second
 * press. What it says then is read out wherever the focus is (WCAG 4.1.3).
 */
export function Button({
  look = 'primary',
  busy = false,
  busyWords,
  className = '',
  children,
  'aria-disabled': disabled,
  ...rest
}: ComponentProps<'button'> & { look?: keyof typeof looks; busy?: boolean; busyWords?: ReactNode }) {
  return (
    <>
      <button
        {...rest}
        aria-disabled={busy || disabled}
        className={`${buttonLook(look)} ${busy ? 'flex-wrap cursor-progress' : 'cursor-pointer aria-disabled:cursor-default'} ${className}`}
      >
        {busy && <SpinnerIcon className="size-5 motion-safe:animate-spin" />}
        {busy && busyWords !== undefined ? busyWords : children}
      </button>
      {busyWords !== undefined && (
        <span aria-live="polite" className="sr-only">
          {busy && busyWords}
        </span>
      )}
    </>
  )
}

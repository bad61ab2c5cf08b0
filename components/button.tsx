import type { ComponentProps, ReactNode } from 'react'
import { SpinnerIcon } from './icons'

/** Long words break, so that they do not overflow a small screen in large type (WCAG 1.4.4, 1.4.10). */
const base =
  'inline-flex min-h-12 items-center justify-center gap-2 wrap-anywhere hyphens-auto rounded-xl px-5 py-2.5 text-center font-semibold text-balance transition-colors motion-reduce:transition-none'
const variants = {
  primary: 'bg-accent text-on-accent hover:bg-accent-pressed border-2 border-transparent',
  quiet: 'border-[1.5px] border-edge bg-surface text-ink hover:bg-hover',
}

export function buttonClass(variant: keyof typeof variants): string {
  return `${base} ${variants[variant]}`
}

/** A `busy` button is not disabled, so that it keeps the focus: the form must ignore a second press. Announces `busyMessage` (WCAG 4.1.3). */
export function Button({
  variant = 'primary',
  busy = false,
  busyMessage,
  className = '',
  children,
  'aria-disabled': disabled,
  ...rest
}: ComponentProps<'button'> & { variant?: keyof typeof variants; busy?: boolean; busyMessage?: ReactNode }) {
  return (
    <>
      <button
        {...rest}
        aria-disabled={busy || disabled}
        className={`${buttonClass(variant)} ${busy ? 'flex-wrap cursor-progress' : 'cursor-pointer aria-disabled:cursor-default'} ${className}`}
      >
        {busy && <SpinnerIcon className="size-5 motion-safe:animate-spin" />}
        {busy && busyMessage !== undefined ? busyMessage : children}
      </button>
      {busyMessage !== undefined && (
        <span aria-live="polite" className="sr-only">
          {busy && busyMessage}
        </span>
      )}
    </>
  )
}

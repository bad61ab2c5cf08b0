import type { ReactNode } from 'react'

const tones = {
  accent: 'bg-accent-tint text-accent',
  good: 'bg-good-tint text-good',
  warn: 'bg-warn-tint text-warn',
}

/** `tabIndex` lets code focus the heading when the view changes. */
export function PageHeading({
  icon,
  tone = 'accent',
  title,
  children,
}: {
  icon?: ReactNode
  tone?: keyof typeof tones
  title: string
  children?: ReactNode
}) {
  return (
    <>
      {icon !== undefined && (
        <div
          className={`mb-5 grid size-14 place-items-center rounded-2xl forced-colors:border ${tones[tone]}`}
        >
          {icon}
        </div>
      )}
      <h1 tabIndex={-1} className="text-[1.65rem] leading-tight font-semibold tracking-tight sm:text-3xl">
        {title}
      </h1>
      {children !== undefined && <div className="mt-3 text-muted">{children}</div>}
    </>
  )
}

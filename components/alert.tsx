import type { ReactNode } from 'react'
import { AlertIcon } from './icons'

/** The region is rendered even without an error, so that screen readers announce a later one (WCAG 4.1.3). */
export function Alert({ children }: { children: ReactNode }) {
  return (
    <div role="alert">
      {children != null && (
        <div className="mt-6 flex gap-3 rounded-xl border-[1.5px] border-bad bg-bad-tint px-4 py-3">
          <AlertIcon className="mt-0.5 size-5 text-bad" />
          <div className="min-w-0">{children}</div>
        </div>
      )}
    </div>
  )
}

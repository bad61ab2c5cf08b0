'use client'

import { useState } from 'react'
import { useHydrated } from '@/client/use-hydrated'
import { Button } from '@/components/button'

/** A button that copies a link; absent without JavaScript, and where the browser has no clipboard API. */
export function CopyLinkButton({ link, about }: { link: string; about: string }) {
  const ready = useHydrated() && navigator.clipboard !== undefined
  const [copied, setCopied] = useState(false)
  if (!ready) return null
  return (
    <Button
      type="button"
      variant="quiet"
      onClick={() =>
        void navigator.clipboard.writeText(link).then(
          () => setCopied(true),
          () => setCopied(false),
        )
      }
    >
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
      <span className="sr-only">: {about}</span>
    </Button>
  )
}

'use client'

import { useRouter } from 'next/navigation'
import { useEffect } from 'react'

/** Milliseconds between looks for new letters, while the page is in view. */
const interval = 3000

/** Keeps the list fresh where there is JavaScript: a letter that was asked for in another tab appears by itself. */
export function NewLetters() {
  const router = useRouter()
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') router.refresh()
    }, interval)
    return () => clearInterval(timer)
  }, [router])
  return null
}

'use client'

import { useHydrated } from '@/client/use-hydrated'

/**
 * Shows when the link expires: first the minutes left, and after hydration the time in the visitor's time zone.
 *
 * @param expiresAt milliseconds since the epoch
 */
export function LinkExpiry({
  expiresAt,
  language,
  messages,
}: {
  expiresAt: number
  language: string
  messages: { until: string; for: string }
}) {
  const hydrated = useHydrated()
  if (!hydrated)
    return <Sentence room={messages.until.replace('{time}', '00:00 00')}>{messages.for}</Sentence>
  const at = new Date(expiresAt)
  const today = at.toDateString() === new Date().toDateString()
  const { calendar, numberingSystem } = new Intl.DateTimeFormat(language).resolvedOptions()
  const time = at.toLocaleString(ownForm(language), {
    calendar,
    numberingSystem,
    timeStyle: 'short',
    ...(today ? {} : { dateStyle: 'medium' }),
  })
  return <Sentence room={messages.for}>{messages.until.replace('{time}', time)}</Sentence>
}

/** Returns the browser's regional variant of the language, if any: for plain `en`, times have the American format. */
function ownForm(language: string): string {
  return navigator.languages.find((tag) => tag.startsWith(`${language}-`)) ?? language
}

/** Reserves the space of another sentence (`room`), so that the layout does not shift when that sentence appears. */
function Sentence({ room, children }: { room: string; children: string }) {
  return (
    <p
      data-room={room}
      className="grid before:invisible before:content-[attr(data-room)] before:[grid-area:1/1]"
    >
      <span className="[grid-area:1/1]">{children}</span>
    </p>
  )
}

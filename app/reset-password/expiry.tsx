'use client'

import { useHydrated } from '@/client/use-hydrated'

/**
 * Shows when the link expires. The server's HTML has the minutes left. After hydration, when the visitor's time zone is known, the
 * time of day replaces them, with the date unless the link expires today.
 *
 * @param expiresAt milliseconds since the epoch
 * @param messages `until` has the placeholder `{time}`; `for` already contains the minutes left
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

/** Returns the browser's regional variant of the language, else the language. For plain `en`, times have the American format. */
function ownForm(language: string): string {
  return navigator.languages.find((tag) => tag.startsWith(`${language}-`)) ?? language
}

/** A sentence that reserves the space of another one (`room`), so that the layout does not shift when the other one replaces it. */
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

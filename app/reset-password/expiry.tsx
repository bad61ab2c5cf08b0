'use client'

import { useHydrated } from '@/client/use-hydrated'

/**
 * Until when the link works: as a time of day once the visitor's clock and zone are at hand, as minutes before.
 *
 * @param expiresAt milliseconds since the epoch
 * @param messages `until` keeps a place for `{time}`; `for` is a finished sentence with the minutes that are left
 */
export function Expiry({
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

/** The page's language as it is written where the visitor lives: `en` by itself has the clock of the United States. */
function ownForm(language: string): string {
  return navigator.languages.find((tag) => tag.startsWith(`${language}-`)) ?? language
}

/** One sentence with room for another, so that nothing below moves when they change places. */
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

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

const words = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

/** Formats how long ago a date was, rounded down: "3 minutes ago". Less than ten seconds, or a future date, is "just now". */
export function formatAge(date: Date, now = new Date()): string {
  const seconds = Math.floor((now.getTime() - date.getTime()) / 1000)
  for (const [unit, length] of units)
    if (seconds >= length) return words.format(-Math.floor(seconds / length), unit)
  return seconds < 10 ? 'just now' : words.format(-seconds, 'second')
}

export function formatUtc(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

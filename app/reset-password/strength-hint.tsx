'use client'

import { useEffect, useRef, useState } from 'react'
import type * as passwordStrength from './password-strength'

/** Milliseconds without a key before anything is said: a verdict at every letter would only disturb. */
const pause = 600

type Judge = typeof passwordStrength
type Strength = passwordStrength.Strength

export type StrengthWords = Record<Strength, string>

/**
 * Says how hard the password would be to guess. All of it happens in the browser; what judges is loaded when somebody
 * begins to type, and where it does not come, nothing is said. There is room from the start, so that nothing moves.
 *
 * @param known what a guesser would try first, such as the account's and the service's names
 */
export function StrengthHint({
  password,
  known,
  minLength,
  words,
}: {
  password: string
  known: readonly string[]
  minLength: number
  words: StrengthWords
}) {
  const judge = useRef<Promise<Judge | undefined>>(undefined)
  const [strength, setStrength] = useState<Strength>()
  const typed = password !== ''
  const names = known.join('\n')

  useEffect(() => {
    if (typed) judge.current ??= import('./password-strength').catch(() => undefined)
    let stale = false
    const waiting = setTimeout(
      async () => {
        const judging = typed ? await judge.current : undefined
        const guessable = [...names.split('\n'), window.location.hostname]
        if (!stale) setStrength(judging?.strengthOf(password, guessable, minLength))
      },
      typed ? pause : 0,
    )
    return () => {
      stale = true
      clearTimeout(waiting)
    }
  }, [typed, password, names, minLength])

  return (
    <div className="mt-2 grid font-medium">
      {Object.values(words).map((room) => (
        <span
          key={room}
          data-room={room}
          className="[grid-area:1/1] before:invisible before:content-[attr(data-room)]"
        />
      ))}
      <p aria-live="polite" className="[grid-area:1/1]">
        {typed && strength !== undefined && words[strength]}
      </p>
    </div>
  )
}

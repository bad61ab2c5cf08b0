'use client'

import { useEffect, useRef, useState } from 'react'
import type * as passwordStrength from './password-strength'

/** Milliseconds after the last change of the password: a hint that changes with every letter would distract. */
const pause = 600

type Estimator = typeof passwordStrength
type Strength = passwordStrength.Strength

export type StrengthMessages = Record<Strength, string>

/** Reserves the space of the longest message, so that the layout does not shift. */
export function StrengthHint({
  password,
  known,
  minLength,
  messages,
}: {
  password: string
  known: readonly string[]
  minLength: number
  messages: StrengthMessages
}) {
  const estimator = useRef<Promise<Estimator | undefined>>(undefined)
  const [strength, setStrength] = useState<Strength>()
  const typed = password !== ''
  const names = known.join('\n')

  useEffect(() => {
    if (typed) estimator.current ??= import('./password-strength').catch(() => undefined)
    let stale = false
    const waiting = setTimeout(
      async () => {
        const loaded = typed ? await estimator.current : undefined
        const guessable = [...names.split('\n'), window.location.hostname]
        if (!stale) setStrength(loaded?.strengthOf(password, guessable, minLength))
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
      {Object.values(messages).map((room) => (
        <span
          key={room}
          data-room={room}
          className="[grid-area:1/1] before:invisible before:content-[attr(data-room)]"
        />
      ))}
      <p aria-live="polite" className="[grid-area:1/1]">
        {typed && strength !== undefined && messages[strength]}
      </p>
    </div>
  )
}

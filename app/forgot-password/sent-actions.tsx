'use client'

import { useCallback, useEffect, useState } from 'react'
import type { Answer } from '@/components/answers'
import { useArrival } from '@/components/arrival'
import { Button, buttonLook } from '@/components/button'
import { describeTrouble, inHowLong, type TroubleWords } from '@/components/troubles'
import { inboxOf } from './inbox'
import type { SentWords } from './sent-notice'

/**
 * Asking again, and going back to correct what was typed.
 *
 * @param pause seconds within which the service answers as ever but sends nothing more
 * @param ask asks once more for what was typed
 */
export function SentActions({
  words,
  troubles,
  language,
  pause,
  ask,
}: {
  words: SentWords
  troubles: TroubleWords
  language: string
  pause: number
  ask: () => Promise<Answer>
}) {
  const [status, setStatus] = useState('')
  const [left, startOver] = useCountdown(
    pause,
    useCallback(() => setStatus(words.ready), [words.ready]),
  )
  const [busy, setBusy] = useState(false)
  useArrival(words.documentTitle)

  async function askAgain() {
    if (busy) return
    if (left > 0) return setStatus(words.tooSoon.replace('{when}', inHowLong(left, language)))
    setBusy(true)
    const answer = await ask()
    setBusy(false)
    if (answer.kind !== 'done') return setStatus(describeTrouble(answer, troubles, language))
    startOver()
    setStatus(words.askedAgain)
  }

  return (
    <>
      <Button
        type="button"
        look="quiet"
        busy={busy}
        busyWords={words.busy}
        className="flex-wrap"
        aria-disabled={busy || left > 0 || undefined}
        onClick={askAgain}
      >
        {words.again}
        {/* Read out only when the button is pressed: a label that changes every second would never let go. */}
        {left > 0 && (
          <span aria-hidden="true" className="font-normal text-muted tabular-nums">
            {inHowLong(left, language)}
          </span>
        )}
      </Button>
      <Button type="button" look="quiet" onClick={() => window.history.back()}>
        {words.change}
      </Button>
      <p role="status" className="text-muted">
        {status}
      </p>
    </>
  )
}

/** The next place to go, for an address of a large provider: known from what was typed, in the browser alone. */
export function InboxLink({ words, login }: { words: SentWords; login: string }) {
  const inbox = inboxOf(login)
  if (inbox === undefined) return null
  return (
    <a className={`mt-6 w-full ${buttonLook('primary')}`} href={inbox.url}>
      {words.inbox.replace('{provider}', inbox.name)}
    </a>
  )
}

/**
 * Whole seconds left of a pause that began when the view appeared, and a way to let it begin anew.
 *
 * @param onEnd told when a pause is over
 */
function useCountdown(pause: number, onEnd: () => void): [left: number, startOver: () => void] {
  const [round, setRound] = useState(0)
  const [left, setLeft] = useState(pause)
  useEffect(() => {
    const end = Date.now() + pause * 1000
    const tick = () => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)))
    tick()
    if (pause <= 0) return
    const ticking = setInterval(() => {
      tick()
      if (Date.now() < end) return
      clearInterval(ticking)
      onEnd()
    }, 1000)
    return () => clearInterval(ticking)
  }, [pause, round, onEnd])
  return [left, useCallback(() => setRound((before) => before + 1), [])]
}

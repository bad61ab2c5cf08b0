'use client'

import { useCallback, useEffect, useState } from 'react'
import { useViewFocus } from '@/client/focus-view'
import { Button, buttonClass } from '@/components/button'
import { formErrorMessage, inHowLong, type FormErrorMessages } from '@/client/error-message'
import type { FormResponse } from '@/client/api'
import { Alert } from '@/components/alert'
import { inboxOf } from './inbox'
import type { SentMessages } from './sent-notice'

/** @param againAt milliseconds since the epoch; until then, a press of the first button only announces how long to wait */
export function SentActions({
  messages,
  errors,
  language,
  againAt,
  requestEmail,
}: {
  messages: SentMessages
  errors: FormErrorMessages
  language: string
  againAt: number
  requestEmail: () => Promise<FormResponse>
}) {
  const [status, setStatus] = useState('')
  const [notice, setNotice] = useState<string>()
  const sayReady = useCallback(() => {
    setNotice(undefined)
    setStatus(messages.ready)
  }, [messages.ready])
  const left = useSecondsUntil(againAt, sayReady)
  const [busy, setBusy] = useState(false)
  useViewFocus(messages.documentTitle)

  async function requestAgain() {
    if (busy) return
    if (left > 0) return setStatus(messages.tooSoon.replace('{when}', inHowLong(left, language)))
    setBusy(true)
    // Clear both messages first: screen readers do not announce an unchanged message again.
    setStatus('')
    setNotice(undefined)
    const response = await requestEmail()
    setBusy(false)
    if (!response.ok) return setNotice(formErrorMessage(response, errors, language))
    setStatus(messages.requestedAgain)
  }

  return (
    <>
      <Button
        type="button"
        variant="quiet"
        busy={busy}
        busyMessage={messages.busy}
        className="flex-wrap"
        aria-disabled={busy || left > 0 || undefined}
        onClick={requestAgain}
      >
        {messages.again}
        {/* Hidden from screen readers, which could announce it every second. */}
        {left > 0 && (
          <span aria-hidden="true" className="font-normal text-muted tabular-nums">
            {inHowLong(left, language)}
          </span>
        )}
      </Button>
      <Button type="button" variant="quiet" onClick={() => window.history.back()}>
        {messages.change}
      </Button>
      <div>
        <p role="status" className="text-muted">
          {status}
        </p>
        <Alert>{notice}</Alert>
      </div>
    </>
  )
}

export function InboxLink({ messages, login }: { messages: SentMessages; login: string }) {
  const inbox = inboxOf(login)
  if (inbox === undefined) return null
  return (
    <a className={`mt-6 w-full ${buttonClass('primary')}`} href={inbox.url}>
      {messages.inbox.replace('{provider}', inbox.name)}
    </a>
  )
}

/** Counts the seconds until a time, rounded up. @param end milliseconds since the epoch */
function useSecondsUntil(end: number, onEnd: () => void): number {
  const [left, setLeft] = useState(() => secondsUntil(end))
  useEffect(() => {
    const tick = () => setLeft(secondsUntil(end))
    tick()
    if (Date.now() >= end) return
    const ticking = setInterval(() => {
      tick()
      if (Date.now() < end) return
      clearInterval(ticking)
      onEnd()
    }, 1000)
    return () => clearInterval(ticking)
  }, [end, onEnd])
  return left
}

function secondsUntil(end: number): number {
  return Math.max(0, Math.ceil((end - Date.now()) / 1000))
}

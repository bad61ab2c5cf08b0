'use client'

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useForm } from 'react-hook-form'
import { send, type Answer } from '@/client/api'
import { Button } from '@/components/button'
import { FieldErrors } from '@/components/field-errors'
import { useHydrated } from '@/client/use-hydrated'
import { Notice } from '@/components/alert'
import { useIsSentPage } from '@/components/sent-page'
import { loadShapes } from '@/client/shapes'
import { describeTrouble, type TroubleWords } from '@/client/error-message'
import type { LoginField } from '@/lib/http/request-schemas'
import { createResolver, type Values } from './login-resolver'
import { SentNotice, type SentWords } from './sent-notice'
import { InboxLink, SentActions } from './sent-actions'

type Words = Record<
  'label' | 'hint' | 'submit' | 'busy' | 'unchanged' | 'missing' | 'invalid' | 'unknown',
  string
> & {
  troubles: TroubleWords
  sent: SentWords
}

/**
 * Whom somebody asked for, whatever the form has come to say since, and when it is worth asking again, in milliseconds
 * since the epoch.
 */
type Asked = { login: string; againAt: number }

/**
 * Asks who it is. Without JavaScript the browser posts the form and the endpoint leads on; with it, what was typed stays
 * in memory, so that the next view can show it for correction while the address carries none of it.
 *
 * @param known what an account is found by
 * @param pause seconds to wait before asking again
 * @param problems what the form came back with, in words
 */
export function ForgotPasswordForm({
  language,
  endpoint,
  sentPath,
  loginField,
  known,
  pause,
  problems,
  trouble,
  heading,
  words,
}: {
  language: string
  endpoint: string
  sentPath: string
  loginField: LoginField
  known: 'username' | 'email' | 'either'
  pause: number
  problems: readonly string[]
  trouble?: keyof TroubleWords
  heading: ReactNode
  words: Words
}) {
  const { register, handleSubmit, setError, setFocus, formState } = useForm<Values>({
    resolver: createResolver(loginField),
  })
  const hydrated = useHydrated()
  const underWay = useRef(false)
  const [notice, setNotice] = useState<string | undefined>(trouble && words.troubles[trouble])
  const [asked, setAsked] = useState<Asked>()
  const hasAsked = asked !== undefined
  const away = useIsSentPage()

  useEffect(() => {
    // Back from "check your email": the next thing to do is to correct what was typed.
    if (hasAsked && !away) setFocus(loginField, { shouldSelect: true })
  }, [hasAsked, away, loginField, setFocus])

  const ask = (login: string) => send(endpoint, { [loginField]: login }, language)

  async function askFirst(values: Values) {
    const login = values[loginField]
    const answer = await ask(login)
    if (answer.kind === 'done') {
      setAsked({ login, againAt: inSeconds(pause) })
      return window.history.pushState(null, '', sentPath)
    }
    const aboutLogin = messagesAbout(loginField, answer, words)
    if (aboutLogin === undefined) return setNotice(describeTrouble(answer, words.troubles, language))
    setError(loginField, { type: 'server', message: aboutLogin.join(' ') }, { shouldFocus: true })
  }

  /** Sets the time only: whoever went back meanwhile and asked for another login is not led back to this one. */
  async function askAgain(login: string): Promise<Answer> {
    const answer = await ask(login)
    const wait = answer.kind === 'throttled' ? answer.seconds : answer.kind === 'done' ? pause : undefined
    if (wait !== undefined)
      setAsked((now) => (now?.login === login ? { login, againAt: inSeconds(wait) } : now))
    return answer
  }

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setNotice(undefined)
    await handleSubmit(askFirst)(event)
    underWay.current = false
  }

  if (hasAsked && away) {
    const { login, againAt } = asked
    return (
      <SentNotice words={words.sent} login={login} next={<InboxLink words={words.sent} login={login} />}>
        <SentActions
          words={words.sent}
          troubles={words.troubles}
          language={language}
          againAt={againAt}
          ask={() => askAgain(login)}
        />
      </SentNotice>
    )
  }

  const { message } = formState.errors[loginField] ?? {}
  const errors =
    message === undefined ? (formState.submitCount === 0 ? problems : []) : [inWords(message, words)]
  return (
    <>
      {heading}
      <Notice>{notice}</Notice>
      <form
        method="post"
        action={endpoint}
        noValidate={hydrated}
        onSubmit={submit}
        onInput={loadShapes}
        className="mt-8"
      >
        <label htmlFor="login" className="block font-semibold">
          {words.label}
        </label>
        <p id="login-hint" className="mb-2 text-sm text-muted">
          {words.hint}
        </p>
        <input
          {...register(loginField)}
          id="login"
          type={known === 'email' ? 'email' : 'text'}
          inputMode={known === 'username' ? undefined : 'email'}
          enterKeyHint="send"
          dir="auto"
          autoComplete="username"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          required
          autoFocus={problems.length > 0}
          aria-invalid={errors.length > 0}
          aria-describedby={errors.length > 0 ? 'login-errors login-hint' : 'login-hint'}
          className="input-box"
        />
        <FieldErrors id="login-errors" errors={errors} />
        <Button type="submit" busy={formState.isSubmitting} busyWords={words.busy} className="mt-6 w-full">
          {words.submit}
        </Button>
        <p className="mt-5 text-sm text-balance text-muted">{words.unchanged}</p>
      </form>
    </>
  )
}

/** Milliseconds since the epoch, `seconds` from now. */
function inSeconds(seconds: number): number {
  return Date.now() + seconds * 1000
}

/** The shape speaks in codes; an endpoint's messages are words already. */
function inWords(message: string, words: Words): string {
  if (message === 'required' || message === 'blank') return words.missing
  if (message === 'null-characters' || message.startsWith('surrogates:')) return words.invalid
  return message
}

/** What an endpoint has against the field; with RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND that nobody has that login, too. */
function messagesAbout(loginField: LoginField, answer: Answer, words: Words): string[] | undefined {
  if (answer.kind === 'fields') return answer.fields[loginField]
  return answer.kind === 'refused' && answer.code === 'user-not-found' ? [words.unknown] : undefined
}

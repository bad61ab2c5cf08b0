'use client'

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useForm } from 'react-hook-form'
import { Button } from '@/components/button'
import {
  toHookFormErrors,
  fieldMessages,
  formErrorMessage,
  type FormErrorMessages,
} from '@/client/error-message'
import { FieldErrors } from '@/components/field-errors'
import { sendForm, type FormResponse } from '@/client/api'
import { useHydrated } from '@/client/use-hydrated'
import { lazyResolver } from '@/client/lazy-resolver'
import { Alert } from '@/components/alert'
import { useIsSentPage } from '@/components/sent-page'
import type { FieldErrorCode } from '@/lib/http/error-codes'
import type { FormErrors } from '@/lib/http/form-errors'
import type { LoginParameter } from '@/lib/http/request-schemas'
import type { LoginValues } from './login-resolver'
import { SentNotice, type SentMessages } from './sent-notice'
import { InboxLink, SentActions } from './sent-actions'

type RequestFormMessages = Record<'label' | 'hint' | 'submit' | 'busy' | 'unchanged', string> & {
  errors: { form: FormErrorMessages; login: Record<FieldErrorCode | 'user-not-found', string> }
  sent: SentMessages
}

const loadResolver = () => import('./login-resolver').catch(() => undefined)

/** The login of the last accepted request, and when the page may request another email for it, in milliseconds since the epoch. */
type LastRequest = { login: string; againAt: number }

/**
 * The form that requests a link, and then "check your email". With JavaScript, the login stays in memory, and out of the URL.
 *
 * @param pause seconds before the person may request another email for the same login
 * @param errors the errors of a submission without JavaScript
 */
export function ForgotPasswordForm({
  language,
  endpoint,
  sentPath,
  loginField,
  loginKind,
  pause,
  errors,
  heading,
  messages,
}: {
  language: string
  endpoint: string
  sentPath: string
  loginField: LoginParameter
  loginKind: 'username' | 'email' | 'either'
  pause: number
  errors: FormErrors<LoginParameter>
  heading: ReactNode
  messages: RequestFormMessages
}) {
  const [initialErrors] = useState(() => errorsOf(loginField, errors))
  const { register, handleSubmit, setError, setFocus, formState } = useForm<LoginValues>({
    resolver: lazyResolver(async () => (await loadResolver())?.createLoginResolver(loginField)),
    criteriaMode: 'all',
    errors: initialErrors,
  })
  const hydrated = useHydrated()
  const underWay = useRef(false)
  const [notice, setNotice] = useState(
    errors.form === 'user-not-found'
      ? undefined
      : formErrorMessage({ errors }, messages.errors.form, language),
  )
  const [lastRequest, setLastRequest] = useState<LastRequest>()
  const hasRequested = lastRequest !== undefined
  const isSentPage = useIsSentPage()

  useEffect(() => {
    // For a person who came back from "check your email" to correct the login.
    if (hasRequested && !isSentPage) setFocus(loginField, { shouldSelect: true })
  }, [hasRequested, isSentPage, loginField, setFocus])

  const requestLink = (login: string) => sendForm(endpoint, { [loginField]: login }, language, [loginField])

  async function submitLogin(values: LoginValues) {
    const login = values[loginField]
    const response = await requestLink(login)
    if (response.ok) {
      setLastRequest({ login, againAt: inSeconds(pause) })
      return window.history.pushState(null, '', sentPath)
    }
    const aboutLogin = errorsOf(loginField, response.errors)[loginField]
    if (aboutLogin === undefined) return setNotice(formErrorMessage(response, messages.errors.form, language))
    setError(loginField, aboutLogin, { shouldFocus: true })
  }

  /** Changes `lastRequest` only if it still has this login: the person may meanwhile have requested a link for another login. */
  async function requestAgain(login: string): Promise<FormResponse> {
    const response = await requestLink(login)
    const wait = response.ok ? pause : response.retryAfter
    if (wait !== undefined)
      setLastRequest((now) => (now?.login === login ? { login, againAt: inSeconds(wait) } : now))
    return response
  }

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setNotice(undefined)
    await handleSubmit(submitLogin)(event)
    underWay.current = false
  }

  if (hasRequested && isSentPage) {
    const { login, againAt } = lastRequest
    return (
      <SentNotice
        messages={messages.sent}
        login={login}
        next={<InboxLink messages={messages.sent} login={login} />}
      >
        <SentActions
          messages={messages.sent}
          errors={messages.errors.form}
          language={language}
          againAt={againAt}
          requestEmail={() => requestAgain(login)}
        />
      </SentNotice>
    )
  }

  const loginErrors = fieldMessages(formState.errors[loginField], messages.errors.login)
  return (
    <>
      {heading}
      <Alert>{notice}</Alert>
      <form
        method="post"
        action={endpoint}
        noValidate={hydrated}
        onSubmit={submit}
        onInput={loadResolver}
        className="mt-8"
      >
        <label htmlFor="login" className="block font-semibold">
          {messages.label}
        </label>
        <p id="login-hint" className="mb-2 text-sm text-muted">
          {messages.hint}
        </p>
        <input
          {...register(loginField)}
          id="login"
          type={loginKind === 'email' ? 'email' : 'text'}
          inputMode={loginKind === 'username' ? undefined : 'email'}
          enterKeyHint="send"
          dir="auto"
          autoComplete="username"
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          required
          autoFocus={initialErrors[loginField] !== undefined}
          aria-invalid={loginErrors.length > 0}
          aria-describedby={loginErrors.length > 0 ? 'login-errors login-hint' : 'login-hint'}
          className="input-box"
        />
        <FieldErrors id="login-errors" errors={loginErrors} />
        <Button
          type="submit"
          busy={formState.isSubmitting}
          busyMessage={messages.busy}
          className="mt-6 w-full"
        >
          {messages.submit}
        </Button>
        <p className="mt-5 text-sm text-balance text-muted">{messages.unchanged}</p>
      </form>
    </>
  )
}

function inSeconds(seconds: number): number {
  return Date.now() + seconds * 1000
}

/** Returns the errors of the login field, which may be `user-not-found` (RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND). */
function errorsOf(loginField: LoginParameter, { form, fields }: FormErrors<LoginParameter>) {
  return toHookFormErrors({ [loginField]: form === 'user-not-found' ? [form] : fields[loginField] })
}

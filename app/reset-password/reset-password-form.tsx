'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useForm, useWatch } from 'react-hook-form'
import { FocusedView, loadPage, type InvalidLinkViews, type ViewContent } from '@/client/focus-view'
import { Button } from '@/components/button'
import {
  toHookFormErrors,
  fieldMessages,
  formErrorMessage,
  type FormErrorMessages,
} from '@/client/error-message'
import { FieldErrors } from '@/components/field-errors'
import { sendForm } from '@/client/api'
import { useHydrated } from '@/client/use-hydrated'
import { HiddenFields } from '@/components/hidden-fields'
import { EyeIcon, EyeOffIcon } from '@/components/icons'
import { lazyResolver } from '@/client/lazy-resolver'
import { Alert } from '@/components/alert'
import type { FieldErrorCode } from '@/lib/http/error-codes'
import type { FormErrors } from '@/lib/http/form-errors'
import { createPasswordRuleChecker, type RuleSettings } from '@/lib/passwords/rules'
import type { LinkParameters } from '@/app/link/parse-link'
import { PasswordRuleList, type RulesMessages } from './password-rules'
import type { PasswordValues } from './password-resolver'

export type ResetFormMessages = Record<
  'password' | 'confirm' | 'show' | 'showPassword' | 'submit' | 'busy' | 'again',
  string
> & {
  rules: RulesMessages
  errors: { form: FormErrorMessages } & Record<PasswordField, Record<FieldErrorCode, string>>
}

const passwordFields = ['password', 'password_confirm'] as const
type PasswordField = (typeof passwordFields)[number]

const loadResolver = () => import('./password-resolver').catch(() => undefined)

/**
 * @param signInName the login, in a hidden field, so that password managers store the password with it
 * @param errors the errors of a submission without JavaScript
 */
export function ResetPasswordForm({
  language,
  endpoint,
  donePath,
  link,
  signInName,
  known,
  policy,
  passwordConfirm,
  errors,
  messages,
  heading,
  invalidLinkViews,
}: {
  language: string
  endpoint: string
  donePath: string
  link: LinkParameters
  signInName: string
  known: readonly string[]
  policy: RuleSettings
  passwordConfirm: boolean
  errors: FormErrors<PasswordField>
  messages: ResetFormMessages
  heading: ReactNode
  invalidLinkViews: InvalidLinkViews
}) {
  const rules = createPasswordRuleChecker(policy)
  const [initialErrors] = useState(() => toHookFormErrors(errors.fields))
  const { register, handleSubmit, setError, setFocus, control, formState } = useForm<PasswordValues>({
    resolver: lazyResolver(async () =>
      (await loadResolver())?.createPasswordResolver(rules, passwordConfirm),
    ),
    criteriaMode: 'all',
    errors: initialErrors,
  })
  const password = useWatch({ control, name: 'password' }) ?? ''
  const hydrated = useHydrated()
  const underWay = useRef(false)
  const [saved, setSaved] = useState(false)
  const [shown, setShown] = useState(false)
  const [notice, setNotice] = useState(formErrorMessage({ errors }, messages.errors.form, language))
  const [invalidLinkView, setInvalidLinkView] = useState<ViewContent>()

  async function save(values: PasswordValues) {
    const fields = { ...link, password: values.password }
    const confirmed = passwordConfirm ? { ...fields, password_confirm: values.password_confirm } : fields
    const response = await sendForm(endpoint, confirmed, language, passwordFields)
    if (response.ok) {
      setSaved(true)
      return loadPage(donePath)
    }
    const { form, fields: wrong } = response.errors
    const view = form && invalidLinkViews[form]
    if (view !== undefined) return setInvalidLinkView(view)
    setNotice(formErrorMessage(response, messages.errors.form, language))
    const found = toHookFormErrors(wrong)
    const names = passwordFields.filter((name) => name in found)
    for (const name of names) setError(name, found[name]!)
    if (names[0] !== undefined) setFocus(names[0])
  }

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current || saved) return
    underWay.current = true
    setNotice(undefined)
    // Hide the password: password managers look for a password field on submit.
    setShown(false)
    await handleSubmit(save)(event)
    underWay.current = false
  }

  if (invalidLinkView !== undefined) return <FocusedView view={invalidLinkView} />

  const passwordErrors = fieldMessages(formState.errors.password, messages.errors.password)
  const confirmErrors = fieldMessages(formState.errors.password_confirm, messages.errors.password_confirm)
  const cameBack = Object.keys(errors.fields).length > 0
  const common = {
    type: shown ? 'text' : 'password',
    // The direction follows the text: a full stop at the end of a shown password must not move to its start.
    dir: 'auto',
    autoComplete: 'new-password',
    autoCapitalize: 'none',
    autoCorrect: 'off',
    spellCheck: false,
    required: true,
    enterKeyHint: 'done',
    className: 'input-box',
    ...rules.attributes,
  } as const
  return (
    <>
      {heading}
      <Alert>{notice ?? (cameBack && formState.submitCount === 0 ? messages.again : undefined)}</Alert>
      <form
        method="post"
        action={endpoint}
        noValidate={hydrated}
        onSubmit={submit}
        onInput={loadResolver}
        className="mt-8"
      >
        <HiddenFields values={link} />
        <input
          type="text"
          name="username"
          autoComplete="username"
          value={signInName}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
          className="sr-only"
        />
        <div className="mb-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
          <label htmlFor="password" className="font-semibold">
            {messages.password}
          </label>
          <ShowButton messages={messages} shown={shown} hidden={!hydrated} onPress={() => setShown(!shown)} />
        </div>
        <input
          {...register('password')}
          {...common}
          id="password"
          autoFocus={cameBack}
          aria-invalid={passwordErrors.length > 0}
          aria-describedby={passwordErrors.length > 0 ? 'password-errors password-rules' : 'password-rules'}
        />
        <FieldErrors id="password-errors" errors={passwordErrors} />
        <PasswordRuleList
          language={language}
          id="password-rules"
          rules={rules}
          password={password}
          known={known}
          messages={messages.rules}
        />
        {passwordConfirm && (
          <>
            <label htmlFor="password-confirm" className="mt-6 mb-2 block font-semibold">
              {messages.confirm}
            </label>
            <input
              {...register('password_confirm')}
              {...common}
              id="password-confirm"
              aria-invalid={confirmErrors.length > 0}
              aria-describedby={confirmErrors.length > 0 ? 'confirm-errors' : undefined}
            />
            <FieldErrors id="confirm-errors" errors={confirmErrors} />
          </>
        )}
        <Button
          type="submit"
          busy={formState.isSubmitting || saved}
          busyMessage={messages.busy}
          className="mt-6 w-full"
        >
          {messages.submit}
        </Button>
      </form>
    </>
  )
}

function ShowButton({
  messages,
  shown,
  hidden,
  onPress,
}: {
  messages: ResetFormMessages
  shown: boolean
  hidden: boolean
  onPress: () => void
}) {
  return (
    <button
      type="button"
      aria-pressed={shown}
      aria-label={messages.showPassword}
      onClick={onPress}
      className={`-me-2 ms-auto inline-flex min-h-9 cursor-pointer items-center gap-1.5 rounded-lg px-2 text-sm font-semibold text-accent hover:bg-accent-tint aria-pressed:bg-accent-tint ${hidden ? 'invisible' : ''}`}
    >
      {shown ? <EyeOffIcon /> : <EyeIcon />}
      {messages.show}
    </button>
  )
}

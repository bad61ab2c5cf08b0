'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useForm, useWatch } from 'react-hook-form'
import { Arrived, leaveFor, type View } from '@/client/focus-view'
import { Button } from '@/components/button'
import { fieldErrors, fieldMessages, formMessage, type FormMessages } from '@/client/error-message'
import { FieldErrors } from '@/components/field-errors'
import { send } from '@/client/api'
import { useHydrated } from '@/client/use-hydrated'
import { EyeIcon, EyeOffIcon } from '@/components/icons'
import { lateResolver } from '@/client/late-resolver'
import { Notice } from '@/components/alert'
import type { FieldErrorCode, FormErrorCode } from '@/lib/http/error-codes'
import type { FormErrors } from '@/lib/http/form-errors'
import { createPasswordRules, type RuleSettings } from '@/lib/passwords/rules'
import { LinkFields } from '@/app/link/link-fields'
import type { LinkParameters } from '@/app/link/parse-link'
import { PasswordRules, type RulesWords } from './password-rules'
import type { Values } from './password-resolver'

export type ResetFormMessages = Record<
  'password' | 'confirm' | 'show' | 'showPassword' | 'submit' | 'busy' | 'again',
  string
> & {
  rules: RulesWords
  errors: { form: FormMessages } & Record<PasswordField, Record<FieldErrorCode, string>>
}

const passwordFields = ['password', 'password_confirm'] as const
type PasswordField = (typeof passwordFields)[number]

const loadResolver = () => import('./password-resolver').catch(() => undefined)

export type DeadLinks = Partial<Record<FormErrorCode, View>>

/**
 * Takes the new password. Without JavaScript the browser posts the form itself; with it, what the endpoint finds wrong
 * lands on its field and nothing has to be typed again.
 *
 * @param signInName goes into a field that nobody sees, so that password managers store the password with what its
 *   account signs in with
 * @param known names on the page that a guesser would try first: the account's and the service's
 * @param errors what the form came back with
 * @param deadLinks what to show should the link die while the page is open
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
  words,
  heading,
  deadLinks,
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
  words: ResetFormMessages
  heading: ReactNode
  deadLinks: DeadLinks
}) {
  const rules = createPasswordRules(policy)
  const [initialErrors] = useState(() => fieldErrors(errors.fields))
  const { register, handleSubmit, setError, setFocus, control, formState } = useForm<Values>({
    resolver: lateResolver(async () => (await loadResolver())?.createResolver(rules, passwordConfirm)),
    criteriaMode: 'all',
    errors: initialErrors,
  })
  const password = useWatch({ control, name: 'password' }) ?? ''
  const hydrated = useHydrated()
  const underWay = useRef(false)
  const [saved, setSaved] = useState(false)
  const [shown, setShown] = useState(false)
  const [notice, setNotice] = useState(formMessage({ errors }, words.errors.form, language))
  const [death, setDeath] = useState<View>()

  async function save(values: Values) {
    const fields = { ...link, password: values.password }
    const confirmed = passwordConfirm ? { ...fields, password_confirm: values.password_confirm } : fields
    const response = await send(endpoint, confirmed, language, passwordFields)
    if (response.ok) {
      setSaved(true)
      return leaveFor(donePath)
    }
    const { form, fields: wrong } = response.errors
    const view = form && deadLinks[form]
    if (view !== undefined) return setDeath(view)
    setNotice(formMessage(response, words.errors.form, language))
    const found = fieldErrors(wrong)
    const names = passwordFields.filter((name) => name in found)
    for (const name of names) setError(name, found[name]!)
    if (names[0] !== undefined) setFocus(names[0])
  }

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current || saved) return
    underWay.current = true
    setNotice(undefined)
    // Managers read the field when it is sent, and somebody may be looking on.
    setShown(false)
    await handleSubmit(save)(event)
    underWay.current = false
  }

  if (death !== undefined) return <Arrived view={death} />

  const passwordErrors = fieldMessages(formState.errors.password, words.errors.password)
  const confirmErrors = fieldMessages(formState.errors.password_confirm, words.errors.password_confirm)
  const cameBack = Object.keys(errors.fields).length > 0
  const common = {
    type: shown ? 'text' : 'password',
    // What is typed runs its own way: a shown password's last full stop must not move to its front.
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
      <Notice>{notice ?? (cameBack && formState.submitCount === 0 ? words.again : undefined)}</Notice>
      <form
        method="post"
        action={endpoint}
        noValidate={hydrated}
        onSubmit={submit}
        onInput={loadResolver}
        className="mt-8"
      >
        <LinkFields link={link} />
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
            {words.password}
          </label>
          <ShowButton words={words} shown={shown} hidden={!hydrated} onPress={() => setShown(!shown)} />
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
        <PasswordRules
          language={language}
          id="password-rules"
          rules={rules}
          password={password}
          known={known}
          words={words.rules}
        />
        {passwordConfirm && (
          <>
            <label htmlFor="password-confirm" className="mt-6 mb-2 block font-semibold">
              {words.confirm}
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
          busyWords={words.busy}
          className="mt-6 w-full"
        >
          {words.submit}
        </Button>
      </form>
    </>
  )
}

function ShowButton({
  words,
  shown,
  hidden,
  onPress,
}: {
  words: ResetFormMessages
  shown: boolean
  hidden: boolean
  onPress: () => void
}) {
  return (
    <button
      type="button"
      aria-pressed={shown}
      aria-label={words.showPassword}
      onClick={onPress}
      className={`-me-2 ms-auto inline-flex min-h-9 cursor-pointer items-center gap-1.5 rounded-lg px-2 text-sm font-semibold text-accent hover:bg-accent-tint aria-pressed:bg-accent-tint ${hidden ? 'invisible' : ''}`}
    >
      {shown ? <EyeOffIcon /> : <EyeIcon />}
      {words.show}
    </button>
  )
}

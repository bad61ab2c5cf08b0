'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { useForm, useWatch } from 'react-hook-form'
import { send } from '@/client/api'
import { Arrived, leaveFor, type View } from '@/client/focus-view'
import { Button } from '@/components/button'
import { FieldErrors } from '@/components/field-errors'
import { useHydrated } from '@/client/use-hydrated'
import { EyeIcon, EyeOffIcon } from '@/components/icons'
import { Notice } from '@/components/alert'
import { loadShapes } from '@/client/shapes'
import { describeTrouble, type TroubleWords } from '@/client/error-message'
import { createPasswordRules, type RuleSettings } from '@/lib/passwords/rules'
import type { ConfirmProblem, PasswordProblem } from '@/app/problems'
import { LinkFields } from '@/app/link/link-fields'
import type { LinkParameters } from '@/app/link/parse-link'
import { PasswordRules, type RulesWords } from './password-rules'
import { createResolver, errorOf, type Values } from './password-resolver'

export type ResetFormWords = Record<
  'password' | 'confirm' | 'show' | 'showPassword' | 'submit' | 'busy' | 'again',
  string
> & {
  rules: RulesWords
  problems: Record<PasswordProblem | ConfirmProblem, string>
  instead: Record<string, string>
  troubles: TroubleWords
}

type DeadLinks = Record<'signature-expired' | 'signature-used' | 'signature-invalid', View>

/**
 * Takes the new password. Without JavaScript the browser posts the form itself; with it, what the endpoint finds wrong
 * lands on its field and nothing has to be typed again.
 *
 * @param username a password must not be like it, nor be made of the service's name
 * @param signInName goes into a field that nobody sees, so that password managers store the password with what its
 *   account signs in with
 * @param problems what the form came back with
 * @param deadLinks what to show should the link die while the page is open
 */
export function ResetPasswordForm({
  language,
  endpoint,
  donePath,
  link,
  username,
  signInName,
  serviceName,
  policy,
  passwordConfirm,
  problems,
  trouble,
  words,
  heading,
  deadLinks,
}: {
  language: string
  endpoint: string
  donePath: string
  link: LinkParameters
  username: string
  signInName: string
  serviceName: string
  policy: RuleSettings
  passwordConfirm: boolean
  problems: { password: readonly PasswordProblem[]; password_confirm: readonly ConfirmProblem[] }
  trouble?: keyof TroubleWords
  words: ResetFormWords
  heading: ReactNode
  deadLinks: DeadLinks
}) {
  const rules = createPasswordRules(policy)
  const { register, handleSubmit, setError, setFocus, control, formState } = useForm<Values>({
    resolver: createResolver(rules, passwordConfirm, link),
  })
  const password = useWatch({ control, name: 'password' }) ?? ''
  const hydrated = useHydrated()
  const underWay = useRef(false)
  const [saved, setSaved] = useState(false)
  const [shown, setShown] = useState(false)
  const [notice, setNotice] = useState<string | undefined>(trouble && words.troubles[trouble])
  const [death, setDeath] = useState<keyof DeadLinks>()

  async function save(values: Values) {
    const fields = { ...link, password: values.password }
    const confirmed = passwordConfirm ? { ...fields, password_confirm: values.password_confirm } : fields
    const answer = await send(endpoint, confirmed, language)
    if (answer.kind === 'done') {
      setSaved(true)
      return leaveFor(donePath)
    }
    if (answer.kind === 'refused' && answer.code !== null && answer.code in deadLinks) {
      return setDeath(answer.code as keyof DeadLinks)
    }
    if (answer.kind !== 'fields') return setNotice(describeTrouble(answer, words.troubles, language))
    const wrong = (['password', 'password_confirm'] as const).filter((name) => name in answer.fields)
    setNotice(wrong.length > 0 ? undefined : words.troubles.refused)
    for (const name of wrong) setError(name, errorOf(answer.fields[name] ?? []))
    if (wrong[0] !== undefined) setFocus(wrong[0])
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

  if (death !== undefined) return <Arrived view={deadLinks[death]} />

  /** Until the first try with JavaScript, what a try without it came back with. */
  const errorsOf = (name: keyof Values): string[] => {
    const messages = Object.values(formState.errors[name]?.types ?? {})
      .flat()
      .map(String)
    const found = formState.submitCount === 0 ? problems[name] : messages
    return [
      ...new Set(
        found.map(
          (message) => words.problems[message as PasswordProblem] ?? words.instead[message] ?? message,
        ),
      ),
    ]
  }
  const passwordErrors = errorsOf('password')
  const confirmErrors = errorsOf('password_confirm')
  const cameBack = problems.password.length + problems.password_confirm.length > 0
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
        onInput={loadShapes}
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
          known={[username, signInName, serviceName]}
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
  words: ResetFormWords
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

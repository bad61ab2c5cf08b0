'use client'

import { CheckIcon, DotIcon } from '@/components/icons'
import { mostCodePoints, type PasswordRuleChecker as Rules, type RuleProblem } from '@/lib/passwords/rules'
import { StrengthHint, type StrengthMessages } from './strength-hint'

export type RulesMessages = {
  title: string
  whileTyping: Record<RuleProblem['code'], string>
  onSave: readonly string[]
  /** Has the placeholder `{count}`. */
  soFar: string
  met: string
  open: string
  tip: string
  typing: string
  strength: StrengthMessages
}

/** Lists the password rules before typing (WCAG 3.3.2). Ticks only rules that the browser can check. */
export function PasswordRuleList({
  language,
  id,
  rules,
  password,
  known,
  messages,
}: {
  language: string
  id: string
  rules: Rules
  password: string
  known: readonly string[]
  messages: RulesMessages
}) {
  const length = Array.from(password).length
  const min = rules.attributes.minLength
  return (
    <div className="mt-4 rounded-xl bg-accent-tint px-4 py-3.5 text-[0.94rem] forced-colors:border">
      <div id={id}>
        <p className="font-semibold">{messages.title}</p>
        <ul role="list" className="mt-1.5 space-y-1">
          {rules.checklist(password).map(({ problem, kept }) => {
            // Omitted, because hardly any password reaches this limit.
            if (problem.code === 'too-long' && problem.max === mostCodePoints) return null
            const met = kept && password !== ''
            return (
              <li key={problem.code} className="flex gap-2">
                <Tick met={met} />
                <span className="min-w-0">
                  {messages.whileTyping[problem.code]}
                  {problem.code === 'too-short' && length > 0 && !met && (
                    <span className="text-muted">
                      {' '}
                      ({messages.soFar.replace('{count}', new Intl.NumberFormat(language).format(length))})
                    </span>
                  )}
                  {password !== '' && <span className="sr-only">: {met ? messages.met : messages.open}</span>}
                </span>
              </li>
            )
          })}
          {messages.onSave.map((rule) => (
            <li key={rule} className="flex gap-2">
              <Tick met={false} />
              <span className="min-w-0">{rule}</span>
            </li>
          ))}
        </ul>
      </div>
      <p className="mt-3 text-muted">{messages.tip}</p>
      {/* Hidden without JavaScript, because it would stay empty. */}
      <div className="mt-4 noscript:hidden">
        <progress
          className="length-bar"
          max={min}
          value={Math.min(length, min)}
          data-reached={length >= min}
          aria-hidden="true"
        />
        <StrengthHint password={password} known={known} minLength={min} messages={messages.strength} />
      </div>
      <div role="status">
        {/[^\x20-\x7e]/.test(password) && <p className="mt-3 font-medium text-warn">{messages.typing}</p>}
      </div>
    </div>
  )
}

function Tick({ met }: { met: boolean }) {
  return met ? (
    <CheckIcon className="mt-[0.15em] size-5 text-good" />
  ) : (
    <DotIcon className="mt-[0.15em] size-5 text-muted" />
  )
}

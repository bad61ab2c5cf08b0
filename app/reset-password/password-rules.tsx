'use client'

import { CheckIcon, DotIcon } from '@/components/icons'
import { mostCodePoints, type PasswordRules as Rules, type RuleProblem } from '@/lib/passwords/rules'
import { StrengthHint, type StrengthWords } from './strength-hint'

export type RulesWords = {
  title: string
  /** The rules that can be judged while somebody types. */
  live: Record<RuleProblem['code'], string>
  /** The rules that only the server can judge. */
  later: readonly string[]
  /** Keeps a place for `{count}`. */
  soFar: string
  met: string
  open: string
  tip: string
  typing: string
  strength: StrengthWords
}

/** What a password needs, shown before anything is typed, with ticks as it is (WCAG 3.3.2). */
export function PasswordRules({
  language,
  id,
  rules,
  password,
  known,
  words,
}: {
  language: string
  id: string
  rules: Rules
  password: string
  /** Names on the page that a guesser would try first. */
  known: readonly string[]
  words: RulesWords
}) {
  const length = Array.from(password).length
  const min = rules.attributes.minLength
  return (
    <div className="mt-4 rounded-xl bg-accent-tint px-4 py-3.5 text-[0.94rem] forced-colors:border">
      <div id={id}>
        <p className="font-semibold">{words.title}</p>
        <ul role="list" className="mt-1.5 space-y-1">
          {rules.ticks(password).map(({ problem, kept }) => {
            // Nobody comes near it, so it is told only once it is broken.
            if (problem.code === 'too-long' && problem.max === mostCodePoints) return null
            const met = kept && password !== ''
            return (
              <li key={problem.code} className="flex gap-2">
                <Tick met={met} />
                <span className="min-w-0">
                  {words.live[problem.code]}
                  {problem.code === 'too-short' && length > 0 && !met && (
                    <span className="text-muted">
                      {' '}
                      ({words.soFar.replace('{count}', new Intl.NumberFormat(language).format(length))})
                    </span>
                  )}
                  {password !== '' && <span className="sr-only">: {met ? words.met : words.open}</span>}
                </span>
              </li>
            )
          })}
          {words.later.map((rule) => (
            <li key={rule} className="flex gap-2">
              <Tick met={false} />
              <span className="min-w-0">{rule}</span>
            </li>
          ))}
        </ul>
      </div>
      <p className="mt-3 text-muted">{words.tip}</p>
      {/* Nothing would ever come in here without a script. */}
      <div className="mt-4 noscript:hidden">
        <progress
          className="length-bar"
          max={min}
          value={Math.min(length, min)}
          data-reached={length >= min}
          aria-hidden="true"
        />
        <StrengthHint password={password} known={known} minLength={min} words={words.strength} />
      </div>
      <div role="status">
        {/[^\x20-\x7e]/.test(password) && <p className="mt-3 font-medium text-warn">{words.typing}</p>}
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

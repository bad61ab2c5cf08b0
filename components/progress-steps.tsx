'use client'

import { CheckIcon } from './icons'
import { useIsSentPage } from './sent-page'

/** The step of a reset that a page belongs to: requesting a link, opening the email, choosing a password; or the end. */
export type Step = 1 | 2 | 3 | 'done'

export type StepMessages = { title: string; names: readonly [string, string, string]; done: string }

/**
 * Shows the steps of a reset: on a large screen as a list beside the content, on a small one as a bar of three parts with the name of
 * the current step. The request form changes the URL to that of "check your email" without loading a page: there, step 2 is shown
 * instead of 1.
 */
export function ProgressSteps({ step, messages }: { step: Step; messages: StepMessages }) {
  const isSentPage = useIsSentPage()
  const current = step === 1 && isSentPage ? 2 : step === 'done' ? 4 : step
  return (
    <>
      <div aria-hidden="true" className="mb-2 grid grid-cols-3 gap-2 lg:hidden">
        {messages.names.map((name, index) => (
          <span
            key={name}
            className={`h-1.5 rounded-full border ${index < current ? 'border-accent bg-accent forced-colors:bg-[CanvasText]' : 'border-edge'}`}
          />
        ))}
      </div>
      <ol role="list" aria-label={messages.title}>
        {messages.names.map((name, index) => {
          const number = index + 1
          const passed = number < current
          const here = number === current
          return (
            <li
              key={name}
              aria-current={here ? 'step' : undefined}
              className={`relative lg:flex lg:gap-3 lg:pb-8 lg:last:pb-0 ${here ? 'font-semibold' : 'text-muted max-lg:sr-only'}`}
            >
              {number < 3 && (
                <span
                  aria-hidden="true"
                  className={`absolute start-[0.9375rem] top-9 bottom-1 hidden w-0.5 rounded-full forced-colors:bg-[CanvasText] lg:block ${passed ? 'bg-accent' : 'bg-edge'}`}
                />
              )}
              <span
                aria-hidden="true"
                className={`hidden size-8 shrink-0 place-items-center rounded-full border-2 text-sm font-semibold lg:grid ${
                  passed || here ? 'border-accent' : 'border-edge'
                } ${passed ? 'bg-accent text-on-accent' : here ? 'bg-surface text-accent' : ''}`}
              >
                {passed ? <CheckIcon className="size-4" /> : number}
              </span>
              <span className="text-sm leading-snug lg:mt-1 lg:text-base">
                {name}
                {passed && <span className="sr-only"> ({messages.done})</span>}
              </span>
            </li>
          )
        })}
      </ol>
    </>
  )
}

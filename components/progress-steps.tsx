'use client'

import { CheckIcon } from './icons'
import { useIsSentPage } from './sent-page'

/** 1: request a link; 2: open the email; 3: choose a password. */
export type Step = 1 | 2 | 3 | 'done'

type StepMessages = { title: string; names: readonly [string, string, string]; done: string }

/** The request form shows "check your email" without loading a page, by changing the URL: step 1 then counts as 2. */
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

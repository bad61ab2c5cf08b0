import type { ReactNode } from 'react'
import { interpolate } from '@/client/interpolate'
import { EnvelopeIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'

export type SentMessages = Record<
  | 'title'
  | 'documentTitle'
  | 'lead'
  | 'leadFor'
  | 'life'
  | 'nothing'
  | 'wait'
  | 'spam'
  | 'sender'
  | 'other'
  | 'again'
  | 'inbox'
  | 'busy'
  | 'change'
  | 'tooSoon'
  | 'requestedAgain'
  | 'ready',
  string
>

/** The view "check your email". It is the same whether or not the login has an account. */
export function SentNotice({
  messages,
  login,
  next,
  children,
}: {
  messages: SentMessages
  login?: string
  next?: ReactNode
  children: ReactNode
}) {
  return (
    <>
      <PageHeading icon={<EnvelopeIcon className="size-7" />} title={messages.title}>
        <p>
          {login === undefined
            ? messages.lead
            : interpolate(
                messages.leadFor,
                'login',
                <bdi className="font-semibold wrap-anywhere text-ink">{login}</bdi>,
              )}
          {/* Chinese and Japanese have no space between sentences. */}
          {messages.life.endsWith('。') ? '' : ' '}
          {messages.life}
        </p>
      </PageHeading>
      {next}
      <h2 className="mt-8 font-semibold">{messages.nothing}</h2>
      <ul className="mt-2 list-disc space-y-1.5 ps-5 marker:text-accent">
        <li>{messages.wait}</li>
        <li>
          {/* On one line if it fits: at the end of a line, a hyphen of the address would be ambiguous. */}
          {interpolate(
            messages.spam,
            'sender',
            <bdi className="inline-block max-w-full wrap-anywhere">{messages.sender}</bdi>,
          )}
        </li>
        <li>{messages.other}</li>
      </ul>
      {/* Stacked: side by side, the buttons would move when the countdown in one of them ends. */}
      <div className="mt-6 grid grid-cols-1 gap-3">{children}</div>
    </>
  )
}

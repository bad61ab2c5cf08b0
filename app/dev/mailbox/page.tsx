import { buttonClass } from '@/components/button'
import { EnvelopeIcon } from '@/components/icons'
import type { StoredEmail } from '@/lib/mail/dev-mailbox'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import { formatAge, formatUtc } from './relative-time'
import { mailboxPath, requireMailbox } from './mailbox'
import { MailboxLayout } from './mailbox-layout'
import { RefreshForNewEmails } from './new-emails'

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> }

/** Lists the newest emails. A search covers only these. */
export default async function MailboxPage({ searchParams }: Props) {
  const mailbox = await requireMailbox()
  const { q } = await searchParams
  const wanted = typeof q === 'string' ? q.trim() : ''
  const emails = await mailbox.list()
  const shown = emails.filter(({ to, subject }) => contains(`${to}\n${subject}`, wanted))
  return (
    <MailboxLayout title="Mailbox">
      <h1 className="text-2xl leading-tight font-semibold tracking-tight">Emails</h1>
      <p className="mt-2 text-muted">
        There is no mail server, so emails stay here instead of being sent. Nothing leaves this machine.
      </p>
      <form action={mailboxPath()} method="get" role="search" className="mt-6 flex gap-2">
        <div className="min-w-0 grow">
          <input
            type="search"
            name="q"
            defaultValue={wanted}
            aria-label="Search by recipient or subject"
            placeholder="Recipient or subject"
            autoComplete="off"
            className="input-box"
          />
        </div>
        <button type="submit" className={`shrink-0 cursor-pointer ${buttonClass('quiet')}`}>
          Search
        </button>
      </form>
      <div className="mt-4 flex min-h-8 flex-wrap items-center justify-between gap-x-6 text-sm text-muted">
        {/* A status, so that screen readers announce a new email. */}
        <p role="status">{count(shown.length, emails.length, wanted)}</p>
        {wanted !== '' && (
          <a href={mailboxPath()} className="text-link inline-block py-1">
            Show all
          </a>
        )}
        {wanted === '' && (
          <noscript>
            <a href={mailboxPath()} className="text-link inline-block py-1">
              Refresh
            </a>
          </noscript>
        )}
      </div>
      <RefreshForNewEmails />
      {shown.length > 0 ? <List emails={shown} /> : <Nothing searched={wanted !== ''} />}
    </MailboxLayout>
  )
}

function List({ emails }: { emails: StoredEmail[] }) {
  return (
    <ul
      role="list"
      className="mt-2 divide-y divide-line overflow-hidden rounded-2xl border border-line bg-surface shadow-sheet"
    >
      {emails.map(({ id, to, subject, date }) => (
        <li key={id}>
          <a
            href={`${mailboxPath()}${id}/`}
            className="flex items-center gap-4 px-4 py-3.5 -outline-offset-3 hover:bg-hover sm:px-5"
          >
            <span className="grid size-10 shrink-0 place-items-center rounded-xl bg-accent-tint text-accent max-sm:hidden">
              <EnvelopeIcon />
            </span>
            <span className="flex min-w-0 grow flex-wrap items-baseline justify-between gap-x-6">
              <bdi className="min-w-0 font-semibold wrap-anywhere">{subject}</bdi>
              <time
                dateTime={date.toISOString()}
                title={formatUtc(date)}
                className="text-sm text-muted tabular-nums"
              >
                {formatAge(date)}
              </time>
              <span className="basis-full text-sm text-muted wrap-anywhere">
                To <bdi>{to}</bdi>
              </span>
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}

function Nothing({ searched }: { searched: boolean }) {
  return (
    <div className="mt-2 grid justify-items-center gap-3 rounded-2xl border border-dashed border-edge px-6 py-14 text-center">
      <span className="grid size-14 place-items-center rounded-2xl bg-accent-tint text-accent">
        <EnvelopeIcon className="size-7" />
      </span>
      <h2 className="mt-1 text-lg font-semibold">{searched ? 'No email matches' : 'No emails yet'}</h2>
      <p className="max-w-md text-balance text-muted">
        {searched
          ? 'Recipients and subjects are searched. Try a part of an address, or show all emails.'
          : 'Request a link for an account. The email appears here by itself within a second or two.'}
      </p>
      <a
        href={searched ? mailboxPath() : pathInApp(services().settings, '/forgot-password/')}
        className={`mt-3 ${buttonClass('primary')}`}
      >
        {searched ? 'Show all emails' : 'Request a link'}
      </a>
    </div>
  )
}

function contains(text: string, wanted: string): boolean {
  return text.toLowerCase().includes(wanted.toLowerCase())
}

function count(shown: number, all: number, wanted: string): string {
  const emails = (number: number) => `${number} ${number === 1 ? 'email' : 'emails'}`
  return wanted === '' ? emails(all) : `${shown} of ${emails(all)} with “${wanted}”`
}

import type { ReactNode } from 'react'
import { buttonClass } from '@/components/button'
import { formatAge, formatUtc } from '@/app/dev/mailbox/relative-time'
import { mailboxPath, requireEmail } from '@/app/dev/mailbox/mailbox'
import { MailboxLayout } from '@/app/dev/mailbox/mailbox-layout'
import { linkLabel } from '@/app/dev/mailbox/link-label'
import { CopyLinkButton } from './copy-link'
import { colorSchemes, parseColorScheme, type ColorScheme } from '@/app/dev/mailbox/[id]/html/preview-html'

type Props = {
  params: Promise<{ id: string }>
  searchParams: Promise<Record<string, string | string[] | undefined>>
}

const box = 'rounded-2xl border border-line bg-surface'

export default async function EmailPage({ params, searchParams }: Props) {
  const { id, subject, from, to, date, text, headers } = await requireEmail((await params).id)
  const scheme = parseColorScheme((await searchParams).scheme)
  const links = [...new Set(text.match(/https?:\/\/\S+/g))]
  return (
    <MailboxLayout title={`${subject} · Mailbox`} wide>
      <p className="text-sm">
        <a href={mailboxPath()} className="text-link inline-block py-1">
          All emails
        </a>
      </p>
      <h1 className="mt-3 text-2xl leading-tight font-semibold tracking-tight wrap-anywhere">
        <bdi>{subject}</bdi>
      </h1>
      <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-5 gap-y-1">
        <Row label="To">{to}</Row>
        <Row label="From">{from}</Row>
        <Row label="Date">
          <time dateTime={date.toISOString()}>{formatUtc(date)}</time>{' '}
          <span className="text-muted">({formatAge(date)})</span>
        </Row>
      </dl>

      {links.length > 0 && (
        <Part id="links" title={links.length === 1 ? 'Link' : 'Links'}>
          <ul role="list" className="grid gap-5">
            {links.map((link, index) => (
              <Link key={link} id={`link-${index + 1}`} link={link} />
            ))}
          </ul>
        </Part>
      )}

      <div className="gap-x-8 xl:grid xl:grid-cols-[minmax(0,1fr)_37rem]">
        <Part id="html" title="HTML" aside={<SchemeMenu id={id} scheme={scheme} />}>
          <iframe
            src={`${mailboxPath()}${id}/html/${scheme === undefined ? '' : `?scheme=${scheme}`}`}
            title="The email as HTML"
            sandbox="allow-popups allow-top-navigation-by-user-activation"
            className={`block h-240 w-full resize-y overflow-hidden ${box}`}
          />
        </Part>
        <Part id="text" title="Plain text">
          {/* `unicode-bidi: plaintext` chooses the direction of each line of the email separately. */}
          <pre
            className={`p-4 font-mono text-[0.78rem] leading-relaxed wrap-anywhere whitespace-pre-wrap [unicode-bidi:plaintext] sm:p-5 ${box}`}
          >
            {text}
          </pre>
        </Part>
      </div>

      <Part id="headers" title="Headers">
        <dl
          className={`grid gap-x-5 gap-y-1 p-4 font-mono text-[0.84rem] max-sm:[&>dd]:mb-2 sm:grid-cols-[auto_1fr] sm:p-6 ${box}`}
        >
          {headers.map(({ name, value }, index) => (
            <Row key={index} label={name}>
              {value}
            </Row>
          ))}
        </dl>
        <p className="mt-3">
          <a href={`${mailboxPath()}${id}/source/`} className="text-link inline-block py-1">
            The raw message
          </a>
        </p>
      </Part>
    </MailboxLayout>
  )
}

function Link({ id, link }: { id: string; link: string }) {
  const purpose = linkLabel(link)
  return (
    <li>
      <label htmlFor={id} className="mb-1.5 block text-sm font-semibold">
        {purpose}
      </label>
      <div className="flex flex-wrap gap-2">
        <div className="min-w-0 grow basis-60">
          <input id={id} readOnly value={link} className="input-box font-mono text-sm" />
        </div>
        <CopyLinkButton link={link} about={purpose} />
        <a href={link} className={buttonClass('primary')}>
          Open<span className="sr-only">: {purpose}</span>
        </a>
      </div>
    </li>
  )
}

/** Consists of links, so that it works without JavaScript. */
function SchemeMenu({ id, scheme }: { id: string; scheme: ColorScheme | undefined }) {
  const choices = [undefined, ...colorSchemes]
  return (
    <nav
      aria-label="Colour scheme of the email"
      className="flex rounded-xl border border-line bg-surface p-1"
    >
      {choices.map((choice) => (
        <a
          key={choice ?? 'system'}
          href={`${mailboxPath()}${id}/${choice === undefined ? '' : `?scheme=${choice}`}#html`}
          aria-current={choice === scheme || undefined}
          className="min-h-8 rounded-lg px-3 py-1 text-sm text-muted hover:bg-hover aria-[current=true]:bg-accent-tint aria-[current=true]:font-semibold aria-[current=true]:text-accent"
        >
          {{ system: 'System', light: 'Light', dark: 'Dark' }[choice ?? 'system']}
        </a>
      ))}
    </nav>
  )
}

function Part({
  id,
  title,
  aside,
  children,
}: {
  id: string
  title: string
  aside?: ReactNode
  children: ReactNode
}) {
  return (
    <section aria-labelledby={id} className="mt-8 min-w-0">
      <div className="mb-3 flex min-h-11 flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <h2 id={id} className="text-lg font-semibold tracking-tight">
          {title}
        </h2>
        {aside}
      </div>
      {children}
    </section>
  )
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{label}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  )
}

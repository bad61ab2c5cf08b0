import type { ReactNode } from 'react'
import { buttonClass } from '@/components/button'
import { Logo } from '@/components/icons'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import { mailboxPath } from './mailbox'

/** The layout of the mailbox pages. They are in English only, because they are for developers. */
export function MailboxLayout({
  title,
  wide = false,
  children,
}: {
  title: string
  wide?: boolean
  children: ReactNode
}) {
  return (
    <html lang="en">
      <body className="min-h-dvh font-sans antialiased max-sm:bg-surface">
        <title>{title}</title>
        <link rel="icon" href={pathInApp(services().settings, '/icon.svg')} />
        <div className={`mx-auto w-full px-4 py-6 sm:px-6 sm:py-10 ${wide ? 'max-w-7xl' : 'max-w-4xl'}`}>
          <header className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
            <p className="text-lg font-semibold tracking-tight">
              <a href={mailboxPath()} className="flex min-h-11 items-center gap-3 rounded-xl">
                <Logo />
                Mailbox
              </a>
            </p>
            <a
              className={`text-sm ${buttonClass('quiet')}`}
              href={pathInApp(services().settings, '/forgot-password/')}
            >
              Request a link
            </a>
          </header>
          <main className="mt-6 min-w-0">{children}</main>
        </div>
      </body>
    </html>
  )
}

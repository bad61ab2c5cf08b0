import type { ReactNode } from 'react'
import { Logo } from './icons'

/** Returns the title of the browser's tab. */
export function documentTitle(title: string, appName: string): string {
  return `${title} · ${appName}`
}

/** Texts are properties, so that error pages need not load messages. */
export function HtmlDocument({
  language,
  direction,
  title,
  appName,
  logoUrl,
  icon,
  brand,
  steps,
  help,
  menu,
  signIn,
  children,
}: {
  language: string
  direction: 'ltr' | 'rtl'
  title: string
  appName: string
  /** The URL of an image in place of Rekey's logo. */
  logoUrl?: string | undefined
  /** A URL. */
  icon: string
  brand?: ReactNode
  steps?: ReactNode
  help?: ReactNode
  menu?: ReactNode
  signIn?: ReactNode
  children: ReactNode
}) {
  return (
    <html lang={language} dir={direction}>
      <body className="flex min-h-dvh flex-col font-sans antialiased max-sm:bg-surface">
        <title>{documentTitle(title, appName)}</title>
        <link rel="icon" href={icon} />
        {brand}
        {/* Not centred vertically: the page would shift while the footer loads. */}
        <div className="mx-auto flex w-full max-w-4xl grow flex-col sm:px-6 sm:py-10 lg:py-[7vh]">
          <div
            className={`mx-auto grid w-full max-w-xl grow content-start bg-surface sm:grow-0 sm:overflow-hidden sm:rounded-3xl sm:border sm:border-line sm:shadow-sheet ${
              steps ? 'lg:min-h-[36rem] lg:max-w-none lg:grid-cols-[17rem_1fr] lg:content-stretch' : ''
            }`}
          >
            <header
              className={`px-5 pt-6 sm:px-10 sm:pt-8 ${
                steps ? 'lg:border-e lg:border-line lg:bg-accent-tint lg:px-8 lg:py-10' : 'lg:px-12'
              }`}
            >
              <p className="flex items-center gap-3 text-lg font-semibold tracking-tight">
                {logoUrl === undefined ? (
                  <Logo />
                ) : (
                  // eslint-disable-next-line @next/next/no-img-element -- the image optimiser is off
                  <img src={logoUrl} alt="" className="h-9 max-w-40 min-w-9 object-contain" />
                )}
                <span className="min-w-0 wrap-anywhere">{appName}</span>
              </p>
              {steps && <div className="mt-6 lg:mt-14">{steps}</div>}
            </header>
            <main className="min-w-0 px-5 pt-8 pb-10 sm:px-10 lg:px-12 lg:py-14">
              <div className="mx-auto max-w-lg">{children}</div>
            </main>
          </div>
          {(help || menu || signIn) && (
            <footer
              className={`mx-auto flex w-full max-w-xl flex-wrap justify-between gap-x-8 gap-y-1 px-5 py-5 text-sm text-muted max-sm:border-t max-sm:border-line sm:px-2 ${steps ? 'lg:max-w-none' : ''}`}
            >
              {menu}
              {help && <p className="min-w-0">{help}</p>}
              {signIn && <p>{signIn}</p>}
            </footer>
          )}
        </div>
      </body>
    </html>
  )
}

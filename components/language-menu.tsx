import { languages, type Language } from '@/lib/i18n/locales'
import { HiddenFields } from './hidden-fields'
import { ChevronUpIcon, GlobeIcon } from './icons'

/**
 * A form, because the URLs of links would contain the parameters of a mailed link. It has no `action`, because the request form changes
 * the URL without loading a page. The list hides while the focus is in `main`, which it would obscure (WCAG 2.4.11).
 */
export function LanguageMenu({
  language,
  messages,
  link = {},
}: {
  language: Language
  messages: { title: string }
  link?: Record<string, string> | undefined
}) {
  return (
    <details className="group relative min-w-0">
      <summary className="text-link inline-flex min-h-8 cursor-pointer items-center gap-2 py-1">
        <GlobeIcon className="size-4" />
        <span>
          <span className="sr-only">{messages.title}: </span>
          {nativeNames[language]}
        </span>
        <ChevronUpIcon className="size-4 group-open:rotate-180" />
      </summary>
      <form
        method="get"
        className="absolute -start-2 bottom-full z-10 mb-1 max-h-[70dvh] w-[34rem] max-w-[calc(100vw-1.5rem)] overflow-y-auto rounded-2xl border border-line bg-surface p-1.5 shadow-sheet sm:start-0 sm:max-w-[calc(100vw-4rem)] [body:has(main_:focus)_&]:invisible"
      >
        <HiddenFields values={link} />
        {/* As many columns as fit at the reader's font size. */}
        <ul
          role="list"
          className="grid grid-cols-[repeat(auto-fill,minmax(min(8rem,100%),1fr))] gap-x-1 sm:grid-cols-[repeat(auto-fill,minmax(min(10rem,100%),1fr))] [&_button]:min-h-11 [&_button]:w-full [&_button]:cursor-pointer [&_button]:rounded-lg [&_button]:px-2 [&_button]:text-start [&_button:hover]:bg-hover [&_button[aria-current=true]]:font-semibold [&_button[aria-current=true]]:text-ink"
          dangerouslySetInnerHTML={{ __html: buttons[language] }}
        />
      </form>
    </details>
  )
}

const nativeNames = Object.fromEntries(languages.map((tag) => [tag, nativeName(tag)])) as Record<
  Language,
  string
>

function nativeName(tag: Language): string {
  // Intl returns "Indonesia", which is also the country's name.
  if (tag === 'id') return 'Bahasa Indonesia'
  const name = new Intl.DisplayNames([tag], { type: 'language', languageDisplay: 'standard' }).of(tag) ?? tag
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1)
}

/** Made once, to save rendering time. Contains only codes and names of languages, so nothing needs to be escaped. */
const buttons = Object.fromEntries(languages.map((current) => [current, buttonsFor(current)])) as Record<
  Language,
  string
>

function buttonsFor(current: Language): string {
  return languages
    .map((tag) => {
      const attributes = `name="lang" value="${tag}" lang="${tag}"${tag === current ? ' aria-current="true"' : ''}`
      return `<li><button ${attributes}><bdi>${nativeNames[tag]}</bdi></button></li>`
    })
    .join('')
}

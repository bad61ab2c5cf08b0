import { readFileSync } from 'node:fs'
import type { Page } from 'playwright/test'
import { directionOf, type Language } from '@/lib/i18n/locales'
import { expect } from './journey'

const scripts: Partial<Record<Language, string>> = {
  uk: 'Cyrillic',
  ja: 'Hiragana}\\p{Script=Katakana}\\p{Script=Han',
  ko: 'Hangul',
  'zh-Hans': 'Han',
  'zh-Hant': 'Han',
  hi: 'Devanagari',
  ar: 'Arabic',
  he: 'Hebrew',
  fa: 'Arabic',
}

/** Sequences of three or more words in the English messages of pages. */
const english = runsOfWords(
  (
    JSON.parse(readFileSync(new URL('../../../messages/en.json', import.meta.url), 'utf8')) as {
      pages: object
    }
  ).pages,
)

function runsOfWords(messages: object): string[] {
  const all = Object.values(messages).flatMap((message: unknown) =>
    typeof message === 'object' && message !== null
      ? runsOfWords(message)
      : String(message).split(/<[^>]*>|[{}#,.;:?!…]/),
  )
  return [...new Set(all.map((run) => run.trim()).filter((run) => run.split(' ').length >= 3))]
}

/** Checks that every sentence of the page is in this language (SC 3.1.1). */
export async function expectLanguage(page: Page, language: Language, about: string): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('lang', language)
  await expect(page.locator('html')).toHaveAttribute('dir', directionOf(language))
  const { texts, blocks } = await page.evaluate(() => {
    const labels = [...document.querySelectorAll('[aria-label], [placeholder], [title], [alt]')].flatMap(
      (element) =>
        ['aria-label', 'placeholder', 'title', 'alt'].map((name) => element.getAttribute(name) ?? ''),
    )
    // Typed text, addresses and the names of languages are the same in every language.
    const body = document.body.cloneNode(true) as HTMLElement
    for (const same of body.querySelectorAll('script, style, bdi, a[href^="mailto:"], footer form'))
      same.remove()
    const blocks = [...body.querySelectorAll('h1, h2, p, li, label, button, summary, main a, title')]
    // Without line breaks, a time at the end of one block and the start of the next would look like a key: "11.45.Kata".
    for (const block of blocks) block.append('\n')
    return {
      texts: [body.textContent ?? '', document.title, ...labels].filter((text) => text.trim() !== ''),
      blocks: blocks.map(({ textContent }) => textContent.trim()).filter((text) => /\p{L}/u.test(text)),
    }
  })
  const whole = texts.join('\n')
  const found = [
    ...(/[{}<>]|\b[a-z][\w-]*(\.[a-z][\w-]*){2,}/.exec(whole) ?? []),
    ...(language === 'en' ? [] : english.filter((run) => whole.includes(run))),
  ]
  expect(found, `placeholders, keys or English, ${about}`).toEqual([])
  const script = scripts[language]
  if (script === undefined) return
  const letter = new RegExp(`[\\p{Script=${script}}]`, 'u')
  const foreign = blocks.filter((block) => block !== 'Rekey' && !letter.test(block))
  expect(foreign, `in letters of another language, ${about}`).toEqual([])
}

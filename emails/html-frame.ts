import type { EmailBlock, EmailContent, EmailFact, Paragraph } from './content'
import { renderHtml } from './html'
import { splitAtLinkCharacters, sanitizeShortLine, wordJoiner } from './untrusted-text'

/** The HTML around the texts of an email: `parts[n]` comes before the text with the number `places[n]`. */
type Frame = { parts: string[]; places: number[] }

/** A frame depends only on the language, the brand colour and the structure of an email, so there are few. */
const frames = new Map<string, Promise<Frame>>()

/** Returns the mark of a text. No other part of a frame looks like a mark. */
const markOf = (place: number) => `rk0text${place}rk0`
const marks = /rk0text(\d+)rk0/

/** Renders an email like {@link renderHtml}, byte for byte, but inserts the texts into a cached frame, which costs less. */
export async function renderHtmlFromFrame(content: EmailContent): Promise<string> {
  if (![...content.blocks, ...content.footer].every(isPlain)) return renderHtml(content)
  const texts: string[] = []
  const frame = await frameOf(replaceTexts(content, (html) => markOf(texts.push(html) - 1)))
  const { parts, places } = frame
  return parts.map((part, at) => (at < places.length ? part + texts[places[at]!] : part)).join('')
}

/** React changes some URLs, such as `javascript:`, and `mailtoUri` some addresses, so emails with these are rendered without a frame. */
function isPlain(block: EmailBlock): boolean {
  return 'href' in block
    ? plainHref.test(block.href)
    : !('address' in block) || plainAddress.test(block.address ?? '')
}

const plainHref = /^(?!javascript:)[a-z][a-z\d+.-]*:\/\/[\x21-\x7e]+$/i

const plainAddress = /^[\w.@-]*$/

/** @param marked the content with marks in place of texts */
function frameOf(marked: EmailContent): Promise<Frame> {
  const key = JSON.stringify(marked)
  const known = frames.get(key)
  if (known !== undefined) return known
  const rendered = renderHtml(marked).then((html): Frame => {
    const pieces = html.split(marks)
    return {
      parts: pieces.filter((_, at) => at % 2 === 0),
      places: pieces.filter((_, at) => at % 2 === 1).map(Number),
    }
  })
  frames.set(key, rendered)
  rendered.catch(() => frames.delete(key))
  return rendered
}

/** @param put stores the HTML of a text and returns its mark */
function replaceTexts(content: EmailContent, put: (html: string) => string): EmailContent {
  const text = (plain: string) => put(escapeHtml(plain))

  function paragraph({ kind, text: words, address }: Paragraph): Paragraph {
    const at = address === undefined ? -1 : words.indexOf(address)
    if (address === undefined || at < 0) return { kind, text: text(words) }
    const marked = text(address)
    const [before, after] = [words.slice(0, at), words.slice(at + address.length)]
    return { kind, text: `${text(before)}${marked}${text(after)}`, address: marked }
  }

  function fact({ label, value, untrusted }: EmailFact): EmailFact {
    return { label: text(label), value: untrusted ? put(untrustedHtml(value)) : text(value), untrusted }
  }

  function block(one: EmailBlock): EmailBlock {
    switch (one.kind) {
      case 'paragraph':
        return paragraph(one)
      case 'heading':
        return { kind: 'heading', text: text(one.text) }
      case 'facts':
        return { kind: 'facts', facts: one.facts.map(fact) }
      case 'action':
        return {
          kind: 'action',
          ...(one.lead !== undefined && { lead: text(one.lead) }),
          label: text(one.label),
          href: text(one.href),
          weight: one.weight,
        }
      case 'link-text':
        return { kind: 'link-text', lead: text(one.lead), href: text(one.href) }
    }
  }

  return {
    language: content.language,
    brandColor: content.brandColor,
    subject: text(content.subject),
    preview: text(content.preview),
    appName: text(content.appName),
    title: text(content.title),
    greeting: text(content.greeting),
    blocks: content.blocks.map(block),
    footer: content.footer.map(paragraph),
  }
}

const joiner = `<span aria-hidden="true" style="user-select:none;-webkit-user-select:none">${wordJoiner}</span>`

function untrustedHtml(text: string): string {
  return splitAtLinkCharacters(sanitizeShortLine(text)).map(escapeHtml).join(joiner)
}

const entities: Record<string, string> = {
  '"': '&quot;',
  '&': '&amp;',
  "'": '&#x27;',
  '<': '&lt;',
  '>': '&gt;',
}

/** Escapes a text for an element or a quoted attribute, as React does. */
function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/["&'<>]/g, (character) => entities[character]!)
}

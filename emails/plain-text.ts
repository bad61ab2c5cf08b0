import type { Language } from '@/lib/i18n/locales'
import type { EmailBlock, EmailContent, EmailFact } from './content'
import { splitAtLinkCharacters, sanitizeShortLine, wordJoiner } from './untrusted-text'

/** The width of a line. A quoted line still fits into 80 columns (RFC 3676 §4.2). */
const columns = 72

/** Renders an email as plain text. Does not wrap links, because a mail program could cut them. */
export function renderPlainText({ language, title, greeting, blocks, footer }: EmailContent): string {
  const body = blocks.map((block) => write(block, colonOf(language))).filter((lines) => lines.length > 0)
  const paragraphs = [underline(title, '='), [greeting], ...body].map((lines) => lines.join('\n'))
  const small = ['-- ', ...footer.map(({ text }) => wrap(text)), ''].join('\n')
  return [...paragraphs, small].join('\n\n')
}

function write(block: EmailBlock, colon: string): string[] {
  switch (block.kind) {
    case 'paragraph':
      return [wrap(block.text)]
    case 'heading':
      return ['', ...underline(block.text, '-')]
    case 'facts':
      return list(block.facts, colon)
    case 'action':
      return [wrap(block.lead ?? `${block.label}${colon}`), '', block.href]
    case 'link-text':
      return [] // the action already contains it
  }
}

function colonOf(language: Language): string {
  if (language === 'fr') return '\u202f:'
  return /^(ja|zh)/.test(language) ? '：' : ':'
}

function underline(text: string, stroke: string): string[] {
  return [text, stroke.repeat(widthOf(text))]
}

/** Indents the facts, so that no value looks like text of the email itself. */
function list(facts: EmailFact[], colon: string): string[] {
  const width = Math.max(...facts.map(({ label }) => widthOf(label)))
  return facts.map(({ label, value, untrusted }) => {
    const safe = untrusted ? splitAtLinkCharacters(sanitizeShortLine(value)).join(wordJoiner) : value
    return `    ${label}${colon}${' '.repeat(width - widthOf(label) + 2)}${safe}`
  })
}

function wrap(text: string): string {
  const lines = ['']
  for (const { gap, piece } of pieces(text)) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = piece
    else if (widthOf(`${line}${gap}${piece}`) <= columns) lines[lines.length - 1] = `${line}${gap}${piece}`
    else lines.push(piece)
  }
  return lines.join('\n')
}

/** Matches characters of Chinese, Japanese and Korean, which are two columns wide. */
const wide = /[\u2e80-\u303f\u3041-\u33ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu

/** Matches a text that must not start a line in Chinese, Japanese and Korean. */
const noLineStart = /^[\p{Pe}\p{Pf}\p{Po}ー々]/u

const words = new Intl.Segmenter('ja', { granularity: 'word' })

/** Splits a text at its possible line breaks. `gap`: what precedes the piece if the line does not break there. */
function pieces(text: string): { gap: string; piece: string }[] {
  return text.split(' ').flatMap((word, place) => {
    const gap = place === 0 ? '' : ' '
    if (word.search(wide) < 0) return [{ gap, piece: word }]
    const found: { gap: string; piece: string }[] = []
    for (const { segment } of words.segment(word)) {
      const last = found.at(-1)
      if (last !== undefined && (noLineStart.test(segment) || last.piece.search(wide) < 0))
        last.piece += segment
      else found.push({ gap: last === undefined ? gap : '', piece: segment })
    }
    return found
  })
}

/** Matches combining and invisible characters, which are zero columns wide. */
const narrow = /[\p{Mn}\p{Me}\p{Cf}]/gu

function widthOf(text: string): number {
  return [...text.replace(narrow, '')].length + (text.match(wide)?.length ?? 0)
}

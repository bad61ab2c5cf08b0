import type { Language } from '@/lib/i18n/locales'
import type { Block, Content, Fact } from './content'
import { cutAtLinkSigns, tameText, wordJoiner } from './untrusted-text'

/** Columns of a line: what fits everywhere, quoted too (RFC 3676 §4.2). */
const columns = 72

/** Writes a letter as plain text. Links stand on a line of their own, from its first column, and are never wrapped. */
export function writePlainText({ language, title, greeting, blocks, footer }: Content): string {
  const body = blocks.map((block) => write(block, colonOf(language))).filter((lines) => lines.length > 0)
  const paragraphs = [underline(title, '='), [greeting], ...body].map((lines) => lines.join('\n'))
  const small = ['-- ', ...footer.map(({ text }) => wrap(text)), ''].join('\n')
  return [...paragraphs, small].join('\n\n')
}

function write(block: Block, colon: string): string[] {
  switch (block.kind) {
    case 'paragraph':
      return [wrap(block.text)]
    case 'heading':
      return ['', ...underline(block.text, '-')]
    case 'facts':
      return list(block.facts, colon)
    case 'action':
      return [wrap(block.lead ?? `${block.label}${colon}`), '', block.href]
    case 'address':
      return [] // the action wrote it out
  }
}

/** The colon after a label, as the language sets it. */
function colonOf(language: Language): string {
  if (language === 'fr') return '\u202f:'
  return /^(ja|zh)/.test(language) ? '：' : ':'
}

function underline(text: string, stroke: string): string[] {
  return [text, stroke.repeat(widthOf(text))]
}

/** Facts in two columns, indented, so that no value can pass for the letter's own words. */
function list(facts: Fact[], colon: string): string[] {
  const width = Math.max(...facts.map(({ label }) => widthOf(label)))
  return facts.map(({ label, value, untrusted }) => {
    const safe = untrusted ? cutAtLinkSigns(tameText(value)).join(wordJoiner) : value
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

/** Characters of scripts that are written without spaces, two columns wide, and the marks that go with them. */
const wide = /[\u2e80-\u303f\u3041-\u33ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu

/** What may not begin a line there. */
const clinging = /^[\p{Pe}\p{Pf}\p{Po}ー々]/u

const words = new Intl.Segmenter('ja', { granularity: 'word' })

/** The pieces between which a line may break, and what stands between them if it does not. */
function pieces(text: string): { gap: string; piece: string }[] {
  return text.split(' ').flatMap((word, place) => {
    const gap = place === 0 ? '' : ' '
    if (word.search(wide) < 0) return [{ gap, piece: word }]
    const found: { gap: string; piece: string }[] = []
    for (const { segment } of words.segment(word)) {
      const last = found.at(-1)
      if (last !== undefined && (clinging.test(segment) || last.piece.search(wide) < 0)) last.piece += segment
      else found.push({ gap: last === undefined ? gap : '', piece: segment })
    }
    return found
  })
}

/** What stands above or below another character, or nowhere, and takes no column. */
const narrow = /[\p{Mn}\p{Me}\p{Cf}]/gu

/** Columns that a text takes. */
function widthOf(text: string): number {
  return [...text.replace(narrow, '')].length + (text.match(wide)?.length ?? 0)
}

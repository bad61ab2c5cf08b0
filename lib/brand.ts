import { clampChroma, converter, formatHex, wcagContrast } from 'culori'

/** The colour of buttons and links, and of text on it, in `#rrggbb`. */
export type Accent = { accent: string; onAccent: string }

/** What stands behind links and around buttons in both schemes; the pages and the letters use the same. */
const papers = { light: '#f6f5f1', dark: '#161e22' }

/** WCAG 1.4.3 asks 4.5:1 for text; a little more keeps rounding and tints on the safe side. */
const enough = 4.8

const toOklch = converter('oklch')

/**
 * Makes a brand colour readable: its hue and, as far as the screen can show it, its strength stay; its lightness moves
 * until links stand out from the paper and a label from its button, in the light and in the dark scheme.
 *
 * @param brand `#rrggbb`
 */
export function readableAccents(brand: string): Record<keyof typeof papers, Accent> {
  return { light: readableOn(papers.light, brand, -0.01), dark: readableOn(papers.dark, brand, 0.01) }
}

function readableOn(paper: string, brand: string, step: number): Accent {
  const { c = 0, h = 0, l: start = 0.5 } = toOklch(brand) ?? {}
  for (let l = start; l >= 0 && l <= 1; l += step) {
    const accent = formatHex(clampChroma({ mode: 'oklch', l, c, h }, 'oklch'))
    const onAccent =
      wcagContrast(accent, '#ffffff') >= wcagContrast(accent, '#0b1114') ? '#ffffff' : '#0b1114'
    if (wcagContrast(accent, paper) >= enough && wcagContrast(accent, onAccent) >= enough)
      return { accent, onAccent }
  }
  return step < 0 ? { accent: '#0b1114', onAccent: '#ffffff' } : { accent: '#ffffff', onAccent: '#0b1114' }
}

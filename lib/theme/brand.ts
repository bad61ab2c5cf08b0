import { clampChroma, converter, formatHex, interpolate, wcagContrast } from 'culori'
import { labels, theme } from './tokens'

/** The colour of buttons and links, and of text on it, in `#rrggbb`. */
export type Accent = { accent: string; onAccent: string }

/**
 * What stands behind links and around buttons in both schemes: the paper that is nearest to them, and a surface with so
 * much of the colour itself mixed in; and which way the colour moves away from both.
 */
const { light, dark } = theme
const schemes = {
  light: { paper: light.colors.paper, surface: light.colors.surface, tint: light.tint, step: -0.01 },
  dark: { paper: dark.colors.surface, surface: dark.colors.surface, tint: dark.tint, step: 0.01 },
}

/** WCAG 1.4.3 asks 4.5:1 for text; a little more keeps rounding on the safe side. */
const enough = 4.6

const toOklch = converter('oklch')

type Accents = Record<keyof typeof schemes, Accent>

/** By brand colour: a process has one, and each page asks for it more than once. */
const known = new Map<string, Accents>()

/**
 * Makes a brand colour readable: its hue and, as far as the screen can show it, its strength stay; its lightness moves
 * until links stand out from the paper and from tints of themselves, and a label from its button, in both schemes.
 *
 * @param brand `#rrggbb`
 */
export function readableAccents(brand: string): Accents {
  const accents = known.get(brand) ?? {
    light: readableOn(schemes.light, brand),
    dark: readableOn(schemes.dark, brand),
  }
  known.set(brand, accents)
  return accents
}

function readableOn({ paper, surface, tint, step }: (typeof schemes)['light'], brand: string): Accent {
  const { c = 0, h = 0, l: start = 0.5 } = toOklch(brand) ?? {}
  for (let l = start; l >= 0 && l <= 1; l += step) {
    const accent = formatHex(clampChroma({ mode: 'oklch', l, c, h }, 'oklch'))
    const onAccent =
      wcagContrast(accent, labels.light) >= wcagContrast(accent, labels.dark) ? labels.light : labels.dark
    const others = [paper, interpolate([surface, accent], 'oklab')(tint), onAccent]
    if (others.every((other) => wcagContrast(accent, other) >= enough)) return { accent, onAccent }
  }
  return step < 0
    ? { accent: labels.dark, onAccent: labels.light }
    : { accent: labels.light, onAccent: labels.dark }
}

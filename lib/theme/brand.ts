import { clampChroma, converter, formatHex, interpolate, wcagContrast } from 'culori'
import { buttonLabelColors, theme } from './tokens'

/** The colour of buttons and links, and the colour of the labels on buttons, in `#rrggbb`. */
export type Accent = { accent: string; onAccent: string }

const { light, dark } = theme

/** `paper`: the page or card, whichever has less contrast to an accent. `step`: a change of the lightness that adds contrast. */
const schemes = {
  light: { paper: light.colors.paper, surface: light.colors.surface, tint: light.tint, step: -0.01 },
  dark: { paper: dark.colors.surface, surface: dark.colors.surface, tint: dark.tint, step: 0.01 },
}

/** WCAG 1.4.3 requires 4.5:1 for text; the margin covers rounding. */
const minContrast = 4.6

const toOklch = converter('oklch')

type Accents = Record<keyof typeof schemes, Accent>

/** By brand colour. Finding accents is slow. */
const cache = new Map<string, Accents>()

/**
 * Derives a readable accent for each scheme from a brand colour in `#rrggbb`. Changes the lightness until links and labels on buttons have
 * enough contrast; if no lightness does, the accent is a colour of `buttonLabelColors`.
 */
export function readableAccents(brand: string): Accents {
  const accents = cache.get(brand) ?? {
    light: readableOn(schemes.light, brand),
    dark: readableOn(schemes.dark, brand),
  }
  cache.set(brand, accents)
  return accents
}

function readableOn({ paper, surface, tint, step }: (typeof schemes)['light'], brand: string): Accent {
  const { c = 0, h = 0, l: start = 0.5 } = toOklch(brand) ?? {}
  for (let l = start; l >= 0 && l <= 1; l += step) {
    const accent = formatHex(clampChroma({ mode: 'oklch', l, c, h }, 'oklch'))
    const onAccent =
      wcagContrast(accent, buttonLabelColors.light) >= wcagContrast(accent, buttonLabelColors.dark)
        ? buttonLabelColors.light
        : buttonLabelColors.dark
    const others = [paper, interpolate([surface, accent], 'oklab')(tint), onAccent]
    if (others.every((other) => wcagContrast(accent, other) >= minContrast)) return { accent, onAccent }
  }
  return step < 0
    ? { accent: buttonLabelColors.dark, onAccent: buttonLabelColors.light }
    : { accent: buttonLabelColors.light, onAccent: buttonLabelColors.dark }
}

import type { CSSProperties } from 'react'
import { readableAccents, type Accent } from '@/lib/theme/brand'
import { theme, type Colors } from '@/lib/theme/tokens'

type Palette = Record<
  'page' | 'card' | 'box' | 'line' | 'strong' | 'text' | 'faint' | 'edge' | 'link' | 'main' | 'onMain',
  string
>

const paletteOf = (colors: Colors): Palette => ({
  page: colors.paper,
  card: colors.surface,
  box: colors.paper,
  line: colors.line,
  strong: colors.ink,
  text: colors.prose,
  faint: colors.muted,
  edge: colors.edge,
  link: colors.accent,
  main: colors.accent,
  onMain: colors['on-accent'],
})

const light = paletteOf(theme.light.colors)
const dark = paletteOf(theme.dark.colors)

/** Apple's mail programs apply dark colours by a media query; Outlook's mark changed colours by `data-ogsc` (text) and `data-ogsb`. */
const darkRules = (dark: Palette): [selector: string, rule: string][] => [
  ['.rk-page', `background-color: ${dark.page} !important`],
  ['.rk-card', `background-color: ${dark.card} !important; border-color: ${dark.line} !important`],
  ['.rk-box', `background-color: ${dark.box} !important`],
  ['.rk-line', `border-color: ${dark.line} !important`],
  ['.rk-strong', `color: ${dark.strong} !important`],
  ['.rk-text', `color: ${dark.text} !important`],
  ['.rk-faint', `color: ${dark.faint} !important`],
  ['.rk-link', `color: ${dark.link} !important`],
  ['.rk-main', `background-color: ${dark.main} !important; color: ${dark.onMain} !important`],
  ['.rk-quiet', `border-color: ${dark.edge} !important; color: ${dark.strong} !important`],
]

/** The rules that cannot be inlined. Mail programs that ignore them show the light email. */
const sheetOf = (dark: Palette) =>
  [
    ':root { color-scheme: light dark; supported-color-schemes: light dark }',
    `@media (max-width: 480px) { .rk-pad { padding: 28px 22px 16px !important } }`,
    `@media (prefers-color-scheme: dark) { ${darkRules(dark)
      .map(([selector, rule]) => `${selector} { ${rule} }`)
      .join(' ')} }`,
    ...darkRules(dark).map(
      ([selector, rule]) => `[data-ogsc] ${selector}, [data-ogsb] ${selector} { ${rule} }`,
    ),
  ].join('\n')

const fontFamily =
  "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
const monospace = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"

/** Pixels. */
export const frameWidth = 560

/** For `style` attributes, because some mail programs ignore style sheets. */
const stylesOf = (light: Palette) =>
  ({
    page: { backgroundColor: light.page, margin: 0, padding: 0, fontFamily },
    preview: {
      display: 'none',
      overflow: 'hidden',
      maxHeight: 0,
      maxWidth: 0,
      opacity: 0,
      fontSize: '1px',
      lineHeight: '1px',
      color: light.page,
      ...({ msoHide: 'all' } as CSSProperties), // Outlook for Windows shows what only CSS hides
    },
    frame: { maxWidth: `${frameWidth}px`, margin: '0 auto', padding: '32px 16px 40px' },
    /** Fixed, so that a long word cannot widen the table. */
    held: { tableLayout: 'fixed' },
    brand: {
      margin: '0 0 16px',
      padding: '0 4px',
      fontSize: '17px',
      lineHeight: '24px',
      fontWeight: 600,
      color: light.strong,
    },
    card: {
      tableLayout: 'fixed',
      backgroundColor: light.card,
      border: `1px solid ${light.line}`,
      borderRadius: '16px',
    },
    pad: { padding: '40px 44px 28px' },
    title: { margin: '0 0 20px', fontSize: '25px', lineHeight: '32px', fontWeight: 600, color: light.strong },
    heading: {
      margin: '0 0 8px',
      fontSize: '17px',
      lineHeight: '24px',
      fontWeight: 600,
      color: light.strong,
    },
    text: { margin: '0 0 16px', fontSize: '16px', lineHeight: '25px', color: light.text },
    lead: { margin: '0 0 10px', fontSize: '16px', lineHeight: '25px', color: light.text },
    small: { margin: '12px 4px 0', fontSize: '13px', lineHeight: '20px', color: light.faint },
    hint: { margin: '0 0 6px', fontSize: '13px', lineHeight: '20px', color: light.faint },
    line: { margin: '24px 0', border: 'none', borderTop: `1px solid ${light.line}` },
    link: { color: light.link, textDecoration: 'underline' },
    buttonRow: { margin: '8px 0 16px' },
    main: {
      padding: '14px 26px',
      borderRadius: '12px',
      backgroundColor: light.main,
      color: light.onMain,
      fontSize: '16px',
      fontWeight: 600,
      textDecoration: 'none',
    },
    quiet: {
      padding: '10px 18px',
      borderRadius: '12px',
      border: `1px solid ${light.edge}`,
      color: light.strong,
      fontSize: '15px',
      fontWeight: 600,
      textDecoration: 'none',
    },
    linkText: { margin: '0 0 8px', fontFamily: monospace, fontSize: '12px', lineHeight: '18px' },
    linkTextAnchor: { color: light.faint, textDecoration: 'none', wordBreak: 'break-all' },
    facts: { margin: '0 0 20px', borderRadius: '12px', backgroundColor: light.box },
    factsPad: { padding: '8px 16px' },
    factLabel: {
      fontSize: '14px',
      lineHeight: '20px',
      fontWeight: 400,
      color: light.faint,
      verticalAlign: 'baseline',
    },
    factValue: {
      padding: '6px 0',
      fontSize: '15px',
      lineHeight: '20px',
      fontWeight: 600,
      color: light.strong,
      verticalAlign: 'baseline',
      wordBreak: 'break-word',
    },
    unselected: { userSelect: 'none', WebkitUserSelect: 'none' },
  }) satisfies Record<string, CSSProperties>

/** @param brandColor `#rrggbb`; its contrast is adjusted */
export function createEmailTheme(brandColor?: string) {
  const accents = brandColor === undefined ? undefined : readableAccents(brandColor)
  const paint = (palette: Palette, accent?: Accent): Palette =>
    accent === undefined
      ? palette
      : { ...palette, link: accent.accent, main: accent.accent, onMain: accent.onAccent }
  return { styles: stylesOf(paint(light, accents?.light)), sheet: sheetOf(paint(dark, accents?.dark)) }
}

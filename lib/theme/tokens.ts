// Tailwind loads this file, too, and does not resolve the alias `@/`, so there are no imports.

/**
 * Colours in `#rrggbb`, which mail programs support. Text has a contrast of at least 4.5:1, and an `edge` of a control at least 3:1
 * (WCAG 1.4.3, 1.4.11). `prose` is for running text in emails.
 */
export type Colors = Record<
  | 'accent'
  | 'on-accent'
  | 'paper'
  | 'surface'
  | 'ink'
  | 'prose'
  | 'muted'
  | 'line'
  | 'edge'
  | 'bad'
  | 'good'
  | 'warn',
  string
>

/** `tint`: the share of a colour that is mixed into the surface behind text of that colour. `shade`: a `box-shadow`. */
type Scheme = { colors: Colors; tint: number; shade: string }

export const theme: Record<'light' | 'dark', Scheme> = {
  light: {
    colors: {
      accent: '#006061',
      'on-accent': '#ffffff',
      paper: '#f6f4ef',
      surface: '#ffffff',
      ink: '#1a262d',
      prose: '#37434b',
      muted: '#505d65',
      line: '#e1e0da',
      edge: '#76828a',
      bad: '#b12725',
      good: '#1d6839',
      warn: '#875814',
    },
    tint: 0.09,
    shade: '0 1px 2px #1f303b0d, 0 18px 44px -18px #1f303b29',
  },
  dark: {
    colors: {
      accent: '#6dd2cb',
      'on-accent': '#001b1c',
      paper: '#0e1417',
      surface: '#161e22',
      ink: '#e7ecef',
      prose: '#cfd6da',
      muted: '#abb4ba',
      line: '#2b343a',
      edge: '#75828b',
      bad: '#ff958e',
      good: '#7ad59c',
      warn: '#edbf71',
    },
    tint: 0.13,
    shade: '0 0 0 1px #ffffff08, 0 18px 44px -18px #00000080',
  },
}

/** The colours for labels on a button in a team's brand colour. */
export const buttonLabelColors = { light: '#ffffff', dark: '#0b1114' }

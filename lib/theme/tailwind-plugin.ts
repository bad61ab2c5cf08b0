import plugin from 'tailwindcss/plugin'
import { theme } from './tokens'

const propertiesOf = ({ colors, tint, shade }: (typeof theme)['light']) => ({
  ...Object.fromEntries(Object.entries(colors).map(([name, color]) => [`--${name}`, color])),
  '--tint': `${tint * 100}%`,
  '--shade': shade,
})

/** Writes the colours of the theme into the style sheet. */
export default plugin(({ addBase }) => {
  addBase({
    ':root': { 'color-scheme': 'light dark', ...propertiesOf(theme.light) },
    '@media (prefers-color-scheme: dark)': { ':root': propertiesOf(theme.dark) },
  })
})

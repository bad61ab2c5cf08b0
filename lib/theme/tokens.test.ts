import { readdirSync, readFileSync } from 'node:fs'
import { interpolate, wcagContrast } from 'culori'
import { describe, expect, test } from 'vitest'
import { theme } from './tokens'

describe.each(['light', 'dark'] as const)('the colours of the %s scheme [U9]', (scheme) => {
  const { colors, tint } = theme[scheme]
  const tinted = (color: string) => interpolate([colors.surface, color], 'oklab')(tint)

  test.each(['ink', 'prose', 'muted', 'accent', 'bad', 'good', 'warn'] as const)(
    'text in the colour %s has a contrast of 4.5:1 on paper, surfaces and tints',
    (name) => {
      const behind = [colors.paper, colors.surface, tinted(colors.accent), tinted(colors[name])]
      for (const other of behind) expect(wcagContrast(colors[name], other)).toBeGreaterThanOrEqual(4.5)
    },
  )

  test('a label has a contrast of 4.5:1 on its button, and the edge of a control 3:1 to what is around it', () => {
    expect(wcagContrast(colors['on-accent'], colors.accent)).toBeGreaterThanOrEqual(4.5)
    for (const other of [colors.paper, colors.surface])
      expect(wcagContrast(colors.edge, other)).toBeGreaterThanOrEqual(3)
  })
})

test('only lib/theme/tokens.ts contains colours', () => {
  const written = ['app', 'components', 'emails', 'lib'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(css|tsx?)$/.test(name) && !name.includes('.test.'))
      .map((name) => `${folder}/${name}`)
      .filter((file) =>
        /#(?:[0-9a-f]{6}(?:[0-9a-f]{2})?|fff|000)\b|\b(?:rgba?|hsla?|oklch|oklab)\(/i.test(
          readFileSync(file, 'utf8'),
        ),
      ),
  )
  expect(written).toEqual(['lib/theme/tokens.ts'])
})

import { interpolate, wcagContrast } from 'culori'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readableAccents } from './brand'
import { theme } from './tokens'

const hex = fc.integer({ min: 0, max: 0xffffff }).map((n) => `#${n.toString(16).padStart(6, '0')}`)

/** Mixes colours as browsers do for `app/globals.css`. */
const mix = (color: string, share: number, other: string) => interpolate([other, color], 'oklab')(share)

test('links and labels have a contrast of 4.5:1 in both colour schemes with any brand colour [U9]', () => {
  fc.assert(
    fc.property(hex, (brand) => {
      const { light, dark } = readableAccents(brand)
      for (const paper of [theme.light.colors.surface, theme.light.colors.paper])
        expect(wcagContrast(light.accent, paper)).toBeGreaterThanOrEqual(4.5)
      for (const paper of [theme.dark.colors.paper, theme.dark.colors.surface])
        expect(wcagContrast(dark.accent, paper)).toBeGreaterThanOrEqual(4.5)
      for (const { accent, onAccent } of [light, dark])
        expect(wcagContrast(accent, onAccent)).toBeGreaterThanOrEqual(4.5)
      expect(
        wcagContrast(light.accent, mix(light.accent, theme.light.tint, theme.light.colors.surface)),
      ).toBeGreaterThanOrEqual(4.5)
      expect(
        wcagContrast(dark.accent, mix(dark.accent, theme.dark.tint, theme.dark.colors.surface)),
      ).toBeGreaterThanOrEqual(4.5)
      expect(
        wcagContrast(light.onAccent, mix(light.accent, 0.86, theme.light.colors.ink)),
      ).toBeGreaterThanOrEqual(4.5)
      expect(
        wcagContrast(dark.onAccent, mix(dark.accent, 0.86, theme.dark.colors.ink)),
      ).toBeGreaterThanOrEqual(4.5)
    }),
    { examples: ['#2563eb', '#000000', '#b91c1c', '#7a1fa2', '#16a34a'].map((brand) => [brand]) },
  )
})

test('a brand colour that is readable is not changed', () => {
  expect(readableAccents('#7a1fa2').light).toEqual({ accent: '#7a1fa2', onAccent: '#ffffff' })
})

test('a pale brand colour is darkened for the light scheme and kept for the dark one', () => {
  const { light, dark } = readableAccents('#ffd54f')
  expect(light.accent).not.toBe('#ffd54f')
  expect(dark.accent).toBe('#ffd54f')
})

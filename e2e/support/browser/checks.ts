import AxeBuilder from '@axe-core/playwright'
import type { Locator, Page } from 'playwright/test'
import { expect } from './journey'

/** The rules of axe: WCAG 2.2 up to AA, and good practice. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * Checks the page with axe. Contrast that axe cannot compute counts as a violation too.
 *
 * @param covers whether a menu covers a part of the page: axe cannot compute the contrast of that part
 */
export async function expectNoViolations(
  page: Page,
  about: string,
  {
    only,
    without = [],
    covers = false,
  }: { only?: string[] | undefined; without?: string[]; covers?: boolean | undefined } = {},
): Promise<void> {
  // axe's other mode opens a new page for each check.
  const axe = new AxeBuilder({ page }).setLegacyMode(true).disableRules(without)
  const { violations, incomplete, passes } = await (
    only ? axe.withRules(only) : axe.withTags(rules)
  ).analyze()
  const uncomputed = incomplete
    .filter(({ id }) => id === 'color-contrast')
    .map((rule) => ({ ...rule, nodes: rule.nodes.filter((node) => !(covers && liesUnder(node))) }))
    .filter(({ nodes }) => nodes.length > 0)
  const found = [...violations, ...uncomputed]
  expect(
    found.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html }) => `  ${html}`).join('\n')}`),
    `axe, ${about}`,
  ).toEqual([])
  expect(passes.length, 'rules that apply to the page').toBeGreaterThan(only ? 0 : 10)
}

/** Whether axe could not compute a contrast because the text is covered, short or empty. */
function liesUnder({ any }: { any: { data: unknown }[] }): boolean {
  const keys = any.map(({ data }) => (data as { messageKey?: string } | null)?.messageKey ?? '')
  return keys.some((key) => /^(bgOverlap|elmPartiallyObscured|shortTextContent|emptyValue)$/.test(key))
}

/** Checks that nothing needs sideways scrolling, overflows or is cut off (U10: SC 1.4.10, 1.4.4, 1.4.12, 1.3.4). */
export async function expectToFit(page: Page, about: string): Promise<void> {
  const lost = await page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const out: string[] = []
    if (document.documentElement.scrollWidth > width)
      out.push(`the page is ${document.documentElement.scrollWidth}`)
    for (const element of document.body.querySelectorAll<HTMLElement>('*')) {
      const { left, right, width: own } = element.getBoundingClientRect()
      const { overflowX, overflowY, position, display } = getComputedStyle(element)
      if (own <= 1 || display === 'inline' || position === 'absolute') continue
      const what = `${element.localName} "${element.textContent.slice(0, 30)}"`
      if (left < -0.5 || right > width + 0.5) out.push(`${what} reaches from ${left} to ${right}`)
      const cuts = [overflowX, overflowY].some((overflow) => overflow === 'hidden' || overflow === 'clip')
      const isTooSmall =
        element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1
      // A long text scrolls within its field.
      if (cuts && isTooSmall && element.localName !== 'input') out.push(`${what} is cut off`)
    }
    // Text that is wider than its button or its box is visible, but looks broken.
    const range = document.createRange()
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      let box = text.parentElement
      while (box !== null && getComputedStyle(box).display === 'inline') box = box.parentElement
      const around = box?.getBoundingClientRect()
      if (text.textContent!.trim() === '' || around === undefined || around.width <= 1) continue
      range.selectNodeContents(text)
      for (const { left, right, width: own } of range.getClientRects())
        if (own > 0 && (left < around.left - 1 || right > around.right + 1))
          out.push(`"${text.textContent!.slice(0, 30)}" sticks out of its ${box!.localName}`)
    }
    return out
  })
  expect(lost, `lost at ${page.viewportSize()?.width} px, ${about}`).toEqual([])
}

/** Sets the spacing of text that a page must support (SC 1.4.12). */
export async function spaceText(page: Page): Promise<void> {
  await setStyle(
    page,
    `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
     p { margin-bottom: 2em !important }`,
  )
}

/** Doubles the size of text, as the settings of phones do (SC 1.4.4). */
export async function doubleText(page: Page): Promise<void> {
  await setStyle(page, 'html { font-size: 212.5% !important }')
}

/** Adds style rules to which the page's content security policy does not apply. */
async function setStyle(page: Page, rules: string): Promise<void> {
  await page.evaluate((rules) => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(rules)
    document.adoptedStyleSheets = [sheet]
  }, rules)
}

/** Checks that controls are at least 24 px high and wide (SC 2.5.8). */
export async function expectTargets(page: Page, about: string): Promise<void> {
  const targets = page.locator('a[href], button, input:not([type=hidden]):not([tabindex="-1"])')
  const small = await targets.evaluateAll((elements) =>
    elements
      // The content of a closed menu has no size.
      .filter((element) => element.checkVisibility())
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 24 || box.height < 24)
      .map(({ element, box }) => `${element.outerHTML.slice(0, 80)} is ${box.width} × ${box.height}`),
  )
  expect(await targets.count(), 'targets').toBeGreaterThan(0)
  expect(small, `targets, ${about}`).toEqual([])
}

/** The contrast with the background (SC 1.4.11: at least 3). For an edge, the larger one of border and filling counts. */
export function contrastOf(target: Locator, part: 'edge' | 'lines' | 'ring'): Promise<number> {
  return target.evaluate((element, part) => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!
    /** The colour that results when these are painted one over the other; components from 0 to 255. */
    const paint = (colors: string[]): number[] => {
      canvas.clearRect(0, 0, 1, 1)
      for (const color of colors) {
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
      }
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
    }
    const luminance = (colors: string[]): number => {
      const [red, green, blue] = paint(colors).map((part) => {
        const share = part / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
    }
    const behind: string[] = []
    for (let at = element.parentElement; at !== null; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor)
    behind.unshift(getComputedStyle(document.documentElement).colorScheme.includes('dark') ? '#000' : '#fff')

    const style = getComputedStyle(element)
    const widthOf = (given: string, line: string) => (line === 'none' ? 0 : parseFloat(given))
    const ring = widthOf(style.outlineWidth, style.outlineStyle) >= 2 ? [style.outlineColor] : []
    const edge = [
      ...(widthOf(style.borderTopWidth, style.borderTopStyle) >= 1 ? [style.borderTopColor] : []),
      style.backgroundColor,
    ]
    const ratios = { edge, lines: [style.color], ring }[part].map((color) => {
      const [one, other] = [luminance([...behind, color]), luminance(behind)]
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    })
    return Math.max(1, ...ratios)
  }, part)
}

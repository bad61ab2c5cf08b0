import { expect, test } from 'vitest'
import { account } from '@/e2e/support/emails'
import { emails } from '@/emails/templates'
import { frameHtml, framePolicy, parseColorScheme } from './preview-html'

test('links of a previewed email open in the window of the mailbox', async () => {
  const { html } = await emails.changed({
    locale: 'en',
    service: { appName: 'Acme', publicOrigin: 'https://id.example.com', publicUrl: 'https://id.example.com' },
    account,
    changedAt: new Date(),
    cancelLink: 'https://id.example.com/cancel-reset/',
  })
  const framed = frameHtml(html)
  expect(framed).toMatch(/<head><base target="_top">/)
  expect(framed).not.toContain('_blank')
  expect(framed).toContain('href="https://id.example.com/cancel-reset/"')
})

test.each([
  ['<p>Hi</p>', '<base target="_top"><p>Hi</p>'],
  ['<html><HEAD lang=en><title>x</title>', '<html><HEAD lang=en><base target="_top"><title>x</title>'],
  [`<a href=x target = '_blank'>x</a>`, '<base target="_top"><a href=x>x</a>'],
  ['<header>x</header>', '<base target="_top"><header>x</header>'],
])('the email %s is previewed as %s', (html, framed) => {
  expect(frameHtml(html)).toBe(framed)
})

test('an email can be previewed in light and in dark colours, whatever the system prefers', async () => {
  const { html } = await emails.changed({
    locale: 'en',
    service: { appName: 'Acme', publicOrigin: 'https://id.example.com', publicUrl: 'https://id.example.com' },
    account,
    changedAt: new Date(),
  })
  const dark = frameHtml(html, 'dark')
  expect(dark).toContain('@media (min-width: 0) { .rk-page')
  expect(dark).toContain('<meta name="color-scheme" content="dark"/>')
  expect(dark).toContain(':root { color-scheme: dark; supported-color-schemes: dark }')
  expect(frameHtml(html, 'light')).toContain('@media (max-width: 0) { .rk-page')
  expect(`${dark}${frameHtml(html, 'light')}`).not.toMatch(/prefers-color-scheme|light dark/)
  expect(frameHtml(html)).toContain('@media (prefers-color-scheme: dark)')
  expect(['dark', 'light', 'x', undefined, ['dark']].map(parseColorScheme)).toEqual([
    'dark',
    'light',
    undefined,
    undefined,
    undefined,
  ])
})

test('the preview of an email runs no scripts and loads nothing [M4]', () => {
  expect(framePolicy).toContain("default-src 'none'")
  expect(framePolicy).toMatch(/\bsandbox\b(?!.*allow-(scripts|same-origin|forms))/)
})

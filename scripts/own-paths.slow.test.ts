import { ESLint } from 'eslint'
import { beforeAll, describe, expect, test } from 'vitest'

let eslint: ESLint
beforeAll(
  () => void (eslint = new ESLint({ overrideConfig: { rules: { 'import/no-cycle': 'off' } } })),
  120_000,
)

async function messagesFor(file: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: file })
  return result!.messages.map(({ message }) => message).filter((message) => message.includes('V8'))
}

describe('the lint rule for paths of the app', () => {
  test.each([
    ['app/stray.tsx', 'export const A = () => <a href="/forgot-password/">x</a>'],
    ['app/stray.tsx', 'export const A = () => <a href="/">x</a>'],
    [
      'app/stray.tsx',
      'export const A = ({ id }: { id: string }) => <a href={`/reset-password/?${id}`}>x</a>',
    ],
    ['app/stray.tsx', 'export const A = () => <form action="/api/v1/x/" />'],
    ['components/stray.tsx', 'export const A = () => <img src="/logo.svg" alt="" />'],
    ['components/stray.ts', "export const go = () => fetch('/api/v1/x')"],
    ['components/stray.ts', "export const go = () => window.location.assign('/reset-password/')"],
    ['emails/stray.ts', "export const to = (host: string) => new URL('/cancel-reset/', host)"],
    ['lib/http/stray.ts', "export const to = { Location: '/.well-known/x' }"],
    ['lib/stray.ts', "export const to = (host: string) => new URL('/cancel-reset/', host)"],
    ['app/x/route.ts', "const page = '/done/'\nexport const GET = () => Response.redirect(page)"],
    ['rekey.config.ts', "export const page = '/forgot-password/'"],
  ])('the linter rejects a path without the path of PUBLIC_URL in %s: %s [V8]', async (file, text) => {
    expect(await messagesFor(file, text)).toHaveLength(1)
  })

  test('the linter accepts paths from pathInApp and urlInApp [V8]', async () => {
    const text = `import { pathInApp, urlInApp } from '@/lib/config/paths-in-app'
      declare const settings: { basePath: string; publicUrl: string }
      export const all = [pathInApp(settings, '/done/'), urlInApp(settings, '/done/')]
      export const route = '@/lib/x/y'`
    expect(await messagesFor('app/stray.ts', text)).toEqual([])
  })
})

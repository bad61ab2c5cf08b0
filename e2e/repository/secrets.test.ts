import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readSettings } from '@/lib/config/settings'

const ignored = readFileSync('.gitignore', 'utf8').split('\n').filter(Boolean)
const isIgnored = (name: string) =>
  name === '.git' || (ignored.some((line) => line.replaceAll('/', '') === name) && name !== '.env.example')

function filesIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(dir, entry.name)
    if (isIgnored(entry.name) || file === path.join('prisma', 'client')) return []
    return entry.isDirectory() ? filesIn(file) : [file]
  })
}
const files = existsSync('.git')
  ? execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      encoding: 'utf8',
    })
      .split('\0')
      .filter((file) => file !== '' && existsSync(file))
  : filesIn('.')

/** Private keys, and tokens with a known pattern. */
const keys =
  /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bnpm_[A-Za-z0-9]{36}\b|\bsk_live_[A-Za-z0-9]{20}|\bxox[baprs]-[A-Za-z0-9-]{20}/

test('the search finds keys, tokens and the files of the repository', () => {
  const pem = `-----BEGIN ${'PRIVATE'} KEY-----\n${'A'.repeat(64)}\n`
  expect([pem, `AKIA${'A'.repeat(16)}`, `ghp_${'a'.repeat(36)}`].filter((text) => !keys.test(text))).toEqual(
    [],
  )
  expect(files).toEqual(expect.arrayContaining(['package.json', '.env.example', 'lib/config/settings.ts']))
})

test('no file of the repository contains a key, and only the example of settings is in it [K3]', () => {
  expect(files.filter((file) => keys.test(readFileSync(file, 'latin1')))).toEqual([])
  expect(files.filter((file) => /(^|\/)\.env(\.|$)|\.(pem|key|p12|pfx)$|secret-key$/.test(file))).toEqual([
    '.env.example',
  ])
})

test('production rejects every secret that documents or the example of settings show [K1, K3]', () => {
  const shown = files
    .filter((file) => /\.md$|^\.env\.example$/.test(file))
    .flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(/SECRET_KEY(?:_FALLBACKS)?=["']?([^\s"'`<$(]+)/g),
    ])
    .map(([, value]) => value!)
  for (const SECRET_KEY of [...shown, '', 'change-me'])
    expect(() => readSettings({ REKEY_MODE: 'production', SECRET_KEY }), SECRET_KEY).toThrow(/SECRET_KEY/)
})

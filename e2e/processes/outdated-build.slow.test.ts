import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { linkedDirectory } from '@/e2e/support/linked-directory'

// A start refuses a build that is older than its sources, so that no team believes that its edited code runs.

const directories: string[] = []
const directory = (without: RegExp) => {
  const made = linkedDirectory(without)
  directories.push(made)
  return made
}
afterAll(() => directories.forEach((made) => rmSync(made, { recursive: true, force: true })))

function run(command: string, cwd: string) {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/run.js', command], {
    cwd,
    env: { PATH: process.env.PATH } as unknown as NodeJS.ProcessEnv,
    encoding: 'utf8',
  })
  return [status, stderr]
}

describe('a rekey.config.ts that was edited after the build', () => {
  const edited = directory(/^(\.env.*|rekey\.config\.ts)$/)
  writeFileSync(
    path.join(edited, 'rekey.config.ts'),
    `${readFileSync('rekey.config.ts', 'utf8')}\n// edited\n`,
  )

  test.each(['start', 'worker'])(
    'npm run %s refuses a build that is older than rekey.config.ts [K1]',
    (command) => {
      expect(run(command, edited)).toEqual([1, 'The sources changed since the build; run `npm run build`.\n'])
    },
  )
})

describe('sources that were edited after the build', () => {
  const copies = (...names: string[]) => {
    const made = directory(new RegExp(`^(\\.env.*|${names.join('|')})$`))
    for (const name of names) cpSync(name, path.join(made, name), { recursive: true })
    return made
  }

  test('a start ignores edits of tests and of scripts for developers, and goes on to its settings [K1]', () => {
    const copy = copies('lib', 'server', 'scripts')
    for (const file of ['lib/text/new.test.ts', 'server/http/new.test.ts', 'scripts/screenshots.js'])
      appendFileSync(path.join(copy, file), '// edited\n')
    expect(run('start', copy)).toEqual([1, expect.stringContaining('its settings need attention')])
  })

  test.each([
    ['server', 'server/http/front.ts'],
    ['messages', 'messages/ja.json'],
    ['app', 'app/another-page/page.tsx'],
    ['prisma', 'prisma/schema.prisma'],
  ])('npm start refuses a build that is older than a file in %s [K1]', (folder, file) => {
    const copy = copies(folder)
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true })
    appendFileSync(path.join(copy, file), '\n')
    expect(run('start', copy)).toEqual([1, 'The sources changed since the build; run `npm run build`.\n'])
  })
})

test('npm run migrate and accounts run edited sources and leave the build unchanged [K1]', () => {
  const copy = mkdtempSync(path.join(tmpdir(), 'rekey-edited-'))
  directories.push(copy)
  for (const name of [
    'emails',
    'lib',
    'messages',
    'prisma',
    'scripts',
    'server',
    'package.json',
    'services.ts',
    'tsconfig.json',
  ])
    cpSync(name, path.join(copy, name), { recursive: true })
  for (const name of ['node_modules', '.next', 'rekey.config.ts'])
    symlinkSync(path.resolve(name), path.join(copy, name))
  const built = path.join(copy, 'dist', '.sources')
  mkdirSync(path.dirname(built))
  writeFileSync(built, 'the build')
  appendFileSync(path.join(copy, 'lib/config/settings.ts'), "console.error('Edited.')\n")

  for (const command of ['migrate', 'accounts'])
    expect(run(command, copy)).toEqual([expect.any(Number), expect.stringMatching(/^Edited\.\n/)])
  expect(readFileSync(built, 'utf8')).toBe('the build')
})

test('a start of a build without sources, as in an image, goes on to its settings', () => {
  const image = directory(/^(\.env.*|rekey\.config\.ts|app|lib|server)$/)
  expect(run('start', image)).toEqual([1, expect.stringContaining('its settings need attention')])
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { copiedSources } from '@/e2e/support/copied-sources'

// Each test runs the compiler, which takes long on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

const sources = copiedSources()
mkdirSync(path.join(sources, 'team'))
afterAll(() => rmSync(sources, { recursive: true, force: true }))
const write = (name: string, lines: string[]) => writeFileSync(path.join(sources, name), lines.join('\n'))

function run(script: string) {
  const { PATH, HOME } = process.env
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', script], {
    cwd: sources,
    env: { PATH, HOME, DATA_DIR: path.join(sources, 'data') } as unknown as NodeJS.ProcessEnv,
    encoding: 'utf8',
  })
  return { status, errors: stderr, output: stdout + stderr }
}

test('npm run build and npm run demo name all type errors with file and line, and build nothing [V7]', () => {
  write('team/sessions.ts', [
    'export const endSessions = (id: number) => Promise.resolve(void id)',
    'const wrong: string = 1',
    'export const unfinished = (',
  ])
  write('rekey.config.ts', [
    "import { defineConfig } from '@/lib/password-reset/extension-points'",
    "import { endSessions } from './team/sessions'",
    "import { missing } from './team/missing'",
    'export default defineConfig({',
    '  revokeSessions: (tx) => tx.session.deleteMany(),',
    '  passwordChanged: ({ id }) => endSessions(id),',
    "  secondFactor: () => 'yes',",
    '  buildVerificationURL: () => missing,',
    '})',
  ])
  write('lib/accounts/own.db.test.ts', ['const wrong: string = 1'])

  for (const script of ['build', 'demo']) {
    const { status, errors } = run(script)
    expect(status).toBe(1)
    for (const place of [
      'rekey.config.ts:3:',
      'rekey.config.ts:5:',
      'rekey.config.ts:6:',
      'rekey.config.ts:7:',
      'rekey.config.ts:8:',
      'team/sessions.ts:2:',
      'team/sessions.ts:3:',
    ])
      expect(errors).toContain(place)
    expect(errors).toMatch(/\nNothing was built: correct these lines, then run `npm run build`\.\n$/)
    // An error in a test does not stop a build, and the team's errors are reported in the team's files.
    expect(errors).not.toMatch(/\.test\.ts|services\.ts/)
    expect(existsSync(path.join(sources, 'dist', 'server'))).toBe(false)
    expect(existsSync(path.join(sources, '.next'))).toBe(false)
  }
})

test('npm run build checks a configuration that does not use defineConfig [V7]', () => {
  write('rekey.config.ts', ["export default { revokeSessions: 'all' }"])
  expect(run('build')).toMatchObject({ status: 1, errors: expect.stringContaining('revokeSessions') })
})

test('code that throws while it loads ends every command with file and line, without the error’s message [V7, L3]', () => {
  write('rekey.config.ts', [
    "import { defineConfig } from '@/lib/password-reset/extension-points'",
    "import { token } from './team/token'",
    'export default defineConfig({ buildVerificationUrl: () => String(token) })',
  ])
  write('team/token.ts', [
    '// The value is a secret.',
    "export const token: unknown = JSON.parse('c4n4ry-5kQ2')",
  ])
  const message =
    /^team\/token\.ts:2:\d+ - SyntaxError, thrown while rekey\.config\.ts was loaded\. .*then try again\.\n$/s

  const build = run('build')
  expect([build.status, build.errors]).toEqual([1, expect.stringMatching(message)])
  // As in an image: the build without its sources.
  symlinkSync(path.resolve('.next'), path.join(sources, '.next'))
  rmSync(path.join(sources, 'server'), { recursive: true })
  for (const script of ['start', 'worker', 'migrate', 'accounts', 'doctor']) {
    const { status, errors, output } = run(script)
    expect([status, errors]).toEqual([1, expect.stringMatching(message)])
    expect(output).not.toContain('c4n4ry')
  }
})

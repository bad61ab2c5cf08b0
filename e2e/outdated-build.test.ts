import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { linkedDirectory } from './world/linked-directory'

// What runs is what was built: a team that edits its own code must not believe that it runs.

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

describe('where rekey.config.ts was edited after the build', () => {
  const edited = directory(/^(\.env.*|rekey\.config\.ts)$/)
  writeFileSync(
    path.join(edited, 'rekey.config.ts'),
    `${readFileSync('rekey.config.ts', 'utf8')}\n// edited\n`,
  )

  test.each(['start', 'worker', 'migrate', 'accounts'])(
    'K1: npm run %s says so, runs nothing and leaves the build alone',
    (command) => {
      const before = statSync('dist/.sources').mtimeMs
      expect(run(command, edited)).toEqual([1, 'The sources changed since the build; run `npm run build`.\n'])
      expect(statSync('dist/.sources').mtimeMs).toBe(before)
    },
  )
})

test('a build without its sources cannot be outdated: the start goes on to the settings', () => {
  const image = directory(/^(\.env.*|rekey\.config\.ts|app|lib|server)$/)
  expect(run('start', image)).toEqual([1, expect.stringContaining('its settings need attention')])
})

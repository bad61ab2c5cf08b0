import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isWaitingShell } from './watch-parents.js'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

test.each(Object.entries(scripts))(
  'npm run %s replaces its shell with exec, because a shell would not forward signals (npm/npm#4603) [V3]',
  (_, command) => {
    expect(command).toMatch(/^exec [^;&|]+$/)
  },
)

test.each([
  ['sh -c', 'npm start'],
  ['/bin/dash -c', 'npm start; true'],
  ['bash -lc', 'cd /srv/rekey && npm start'],
  ['/usr/bin/bash -ec', 'npm start > log 2>&1'],
  ['sh -c', 'npm start &> log'],
])('a shell that runs a service in the foreground counts as waiting for it: %s %j [V3]', (shell, text) => {
  expect(isWaitingShell([...shell.split(' '), text])).toBe(true)
})

test.each([
  ['sh -c', 'npm start &'],
  ['sh -c', 'npm start & sleep 2'],
  ['sh -c', 'nohup npm start'],
  ['sh -c', 'npm start 2>&1 & disown'],
  ['bash -c', '. ./start.sh'],
  ['bash', 'start.sh'],
  ['-bash', ''],
  ['node -c', 'npm start'],
])('a shell that may not wait for a service does not count as waiting: %s %j [V3]', (shell, text) => {
  expect(isWaitingShell([...shell.split(' '), text])).toBe(false)
})

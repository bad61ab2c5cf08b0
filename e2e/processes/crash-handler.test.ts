import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-crash-'))
const script = path.join(directory, 'trial.mjs')

/** A program, because the tests check how its process ends. */
const source = `
  import { createLog, runInRequestContext } from '@/lib/logging/log'
  import { redirectConsole } from '@/server/processes/console-log'
  import { exitOnCrash } from '@/server/processes/crash-handler'
  const log = createLog('info', 'trial')
  redirectConsole(log)
  // As Next does: it prints the error and continues.
  process.on('uncaughtException', (error) => console.error(error))
  process.on('unhandledRejection', (error) => console.error(error))
  const closes = { once: async () => log.info('closed'), never: () => new Promise(() => log.info('closing')) }
  exitOnCrash(log, closes[process.argv[3] ?? 'once'], 300)
  setInterval(() => undefined, 1000)
  const secret = () => Object.assign(new Error('the canary 6f1c'), { digest: '42' })
  const trials = {
    timer: () => runInRequestContext('r-1', () => setTimeout(() => { throw secret() })),
    promise: () => void runInRequestContext('r-1', () => Promise.reject(secret())),
    twice: () => { setTimeout(() => { throw secret() }); setTimeout(() => { throw secret() }) },
    console: () => {
      runInRequestContext('r-1', () => console.error(' x ', secret()))
      console.warn('take\\ncare')
      console.log('chatter')
      console.error(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
      process.exit(0)
    },
  }
  trials[process.argv[2]]()
`

beforeAll(async () => {
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'))
  await build({
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: script,
  })
})

/** Sorted by message, because a full pipe may change the order of lines. */
const linesOf = (output: string) =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .sort((one, other) => String(one.msg).localeCompare(String(other.msg)))

async function run(...args: string[]) {
  const child = spawn(process.execPath, [script, ...args])
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, errors, lines: linesOf(output) }
}

describe('uncaught errors', () => {
  test.each([
    ['timer', 'uncaughtException'],
    ['promise', 'unhandledRejection'],
  ])(
    'an uncaught error in a %s is logged, and the process finishes its work and exits with 1 [F15]',
    async (trial, reason) => {
      const { code, lines } = await run(trial)
      expect(code).toBe(1)
      expect(lines.map((line) => line.msg)).toEqual(['closed', 'crashed'])
      expect(lines[1]).toMatchObject({ level: 'fatal', event: 'sys_crash', reason, requestId: 'r-1' })
    },
  )

  test('after an uncaught error, the process ends also if its work does not finish [F15]', async () => {
    expect((await run('timer', 'never')).code).toBe(1)
  })

  test('a second uncaught error is logged and closes nothing again [F15]', async () => {
    const { code, lines } = await run('twice', 'never')
    expect([code, lines.map((line) => line.msg)]).toEqual([1, ['closing', 'crashed', 'crashed']])
  })
})

test('console output of Next becomes log lines with the request id and without error messages [F15, L2, L3]', async () => {
  const { lines, errors } = await run('console')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatchObject({ level: 'error', event: 'next_reported', requestId: 'r-1', digest: '42' })
  expect(lines[1]).toMatchObject({ level: 'warn', msg: 'take\ncare' })
  expect(JSON.stringify(lines) + errors).not.toMatch(/6f1c|chatter|aborted/)
})

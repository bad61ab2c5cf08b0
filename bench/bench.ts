import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { compareWithBetterAuth } from './comparisons/better-auth'
import { compareEmails } from './comparisons/emails'
import { compareGrowth } from './comparisons/growth'
import { compareMemory } from './comparisons/memory'
import { comparePages } from './comparisons/pages'
import { compareRequests } from './comparisons/requests'
import { compareResets } from './comparisons/resets'
import { createDatabase, isThisMachine } from './database'
import { endAll, startProgram } from './processes'
import type { MailOrder, MailReply } from './programs/mail-receiver'
import type { Bench, Results } from './rounds'
import {
  formatRecord,
  readRecord,
  formatTables,
  updateBenchmarkTables,
  type Machine,
  type Run,
} from './table'

const comparisons: Record<string, (bench: Bench) => Promise<Results>> = {
  requests: compareRequests,
  'better-auth': compareWithBetterAuth,
  resets: compareResets,
  emails: compareEmails,
  pages: comparePages,
  growth: compareGrowth,
  memory: compareMemory,
}

const usage = `npm run bench -- [${Object.keys(comparisons).join('|')} …] [--rounds N] [--seconds N] [--peer URL] [--record before|after] [--tables]`

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '4' },
        peer: { type: 'string' },
        record: { type: 'string' },
        tables: { type: 'boolean', default: false },
      },
    })
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
    const unknown = positionals.find((name) => !Object.hasOwn(comparisons, name))
    if (unknown !== undefined) fail(`There is no comparison "${unknown}".\n${usage}`)
    if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100)) fail(`--rounds is 1 to 100.\n${usage}`)
    if (!(seconds >= 0.5 && seconds <= 60)) fail(`--seconds is 0.5 to 60.\n${usage}`)
    const { peer, tables } = values
    const record = values.record as 'before' | 'after' | undefined
    if (peer !== undefined && !isThisMachine(new URL(peer).hostname))
      fail('--peer must be on this machine: the benchmark loads nothing else.')
    if (record !== undefined && record !== 'before' && record !== 'after')
      return fail(`--record is before or after.\n${usage}`)
    return {
      rounds,
      seconds,
      peer,
      record,
      tables,
      wanted: positionals.length > 0 ? positionals : Object.keys(comparisons),
    }
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n${usage}`)
  }
}

async function describeMachine(server: string | undefined): Promise<Machine> {
  const database = await createDatabase(server)
  const { rows } = await database.sql.query<{ version: string }>(
    `SELECT current_setting('server_version') AS "version"`,
  )
  await endAll()
  const kind = database.kind === 'server' ? 'PostgreSQL' : 'embedded PostgreSQL (PGlite)'
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    gibibytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    database: `${kind} ${rows[0]!.version}`,
  }
}

/** The commit of a record is the last one that changed these. */
const sources = [
  'app',
  'client',
  'components',
  'emails',
  'lib',
  'messages',
  'prisma',
  'server',
  'services.ts',
  'package-lock.json',
]

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', [...args, '--', ...sources], { encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('log', '-1', '--format=%h')}${changed ? ' with changes' : ''}`
  } catch {
    return 'unknown'
  }
}

const { rounds, seconds, peer, record, tables, wanted } = readOptions()
if (tables) {
  await updateBenchmarkTables()
  process.exit(0)
}
const server = process.env.BENCH_DATABASE_URL?.trim() || undefined
const machine = await describeMachine(server)
console.log(`On ${machine.database}${server === undefined ? '; BENCH_DATABASE_URL names a server' : ''}.`)

async function run(name: string): Promise<Run> {
  console.log(`\n${name}`)
  const load = loadavg()[0]!
  const mail = startProgram<MailOrder, MailReply>('mail-receiver')
  try {
    const results = await comparisons[name]!({
      rounds,
      seconds,
      server,
      peer,
      load: startProgram('load'),
      mail,
      smtpUrl: async () => `smtp://127.0.0.1:${(await mail.order({})).port}?ignoreTLS=true`,
      progress: (text) => console.log(`  ${text}`),
    })
    return { ...results, at: new Date().toISOString(), commit: commit(), machine, load, rounds, seconds }
  } finally {
    await endAll()
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void endAll())
const runs: Record<string, Run> = {}
const failures: string[] = []
const file = record === undefined ? 'reports/bench.json' : `docs/benchmarks/${record}.json`
mkdirSync(path.dirname(file), { recursive: true })
for (const name of wanted) {
  try {
    runs[name] = await run(name)
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? error.message : error}`)
    continue
  }
  // After each comparison, so that a later failure or signal does not lose its results.
  writeFileSync(file, await formatRecord(record === undefined ? runs : { ...readRecord(record), ...runs }))
}
if (record !== undefined) await updateBenchmarkTables()
console.log(`\n${await formatTables({ 'this run': runs })}\nWritten to ${file}.`)
if (failures.length > 0) fail(`\nNot measured:\n${failures.join('\n')}`)
process.exit(0)

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import prettier from 'prettier'
import { ratiosIn, type Comparison, type Figure, type Results, type Sample } from './rounds'
import { spreadOf } from './statistics'

export type Machine = {
  processor: string
  cores: number
  gibibytes: number
  kernel: string
  node: string
  database: string
}

/** `load`: the load average at the start. */
export type Run = Results & {
  at: string
  commit: string
  machine: Machine
  load: number
  rounds: number
  seconds: number
}

/** Runs by the name of their comparison. */
type Runs = Record<string, Run>

const documentFile = 'docs/benchmarks.md'
const records = ['before', 'after'] as const
const start = '<!-- The tables: `npm run bench -- --record` writes what follows. -->'
const end = '<!-- The end of the tables. -->'

/** Empty if the file is missing. */
export function readRecord(name: (typeof records)[number]): Runs {
  const file = `docs/benchmarks/${name}.json`
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Runs) : {}
}

/** As JSON, with fractions of four significant digits. */
export async function formatRecord(runs: Runs): Promise<string> {
  const short = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
  return prettier.format(JSON.stringify(runs, short, 1), { ...(await style()), parser: 'json' })
}

/** Replaces the tables in docs/benchmarks.md. */
export async function updateBenchmarkTables(): Promise<void> {
  const text = readFileSync(documentFile, 'utf8')
  const [before, rest] = text.split(start)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`${documentFile} has lost the marks around its tables.`)
  const tables = await formatTables(Object.fromEntries(records.map((name) => [name, readRecord(name)])))
  writeFileSync(documentFile, `${before}${start}\n\n${tables}\n${end}${after}`)
}

/** As Markdown. @param runs by the title of their column */
export async function formatTables(runs: Record<string, Runs>): Promise<string> {
  const columns = Object.entries(runs).filter(([, run]) => Object.keys(run).length > 0)
  const names = [...new Set(columns.flatMap(([, run]) => Object.keys(run)))]
  const sections = names.flatMap((name) => {
    const present = columns.flatMap(([title, run]) => (run[name] ? [{ title, run: run[name] }] : []))
    return [
      `### ${name}`,
      present.map(({ title, run }) => `- ${title}: ${circumstances(run)}`).join('\n'),
      comparisonTable(present),
      figureTable(present),
      present.flatMap(({ run: { notes = [] } }) => notes.map((note) => `- ${note}`)).join('\n'),
    ]
  })
  const text = sections.filter((section) => section !== '').join('\n\n')
  return prettier.format(text, { ...(await style()), parser: 'markdown' })
}

const style = async () => (await prettier.resolveConfig(documentFile)) ?? {}

type Column = { title: string; run: Run }

function circumstances({ at, commit, machine, load, rounds, seconds }: Run): string {
  const { processor, cores, gibibytes, kernel, node, database } = machine
  return (
    `${at.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}, ${rounds} rounds of ${seconds} s, ` +
    `load average ${load.toFixed(1)} at the start;\n  ` +
    `${database}, Node ${node}, ${processor}, ${cores} cores, ${gibibytes} GiB, Linux ${kernel}`
  )
}

function comparisonTable(columns: Column[]): string {
  const keyOf = ({ name, against }: Comparison) => `${name} / ${against}`
  const rows = new Map<string, Comparison>()
  for (const { run } of columns.toReversed()) for (const row of run.comparisons) rows.set(keyOf(row), row)
  if (rows.size === 0) return ''
  const head = [
    'Rekey',
    'against',
    'goal',
    ...columns.flatMap(({ title }) => [`rate, ${title}`, `CPU, ${title}`, `ms of CPU, ${title}`]),
  ]
  return markdown(
    head,
    [...rows.values()].map((row) => [
      row.name,
      row.against,
      row.goal ?? '',
      ...columns.flatMap(({ run }) => {
        const found = run.comparisons.find((one) => keyOf(one) === keyOf(row))
        return found ? comparisonCells(found) : ['', '', '']
      }),
    ]),
  )
}

function comparisonCells(comparison: Comparison): string[] {
  const { rate, cpu } = ratiosIn(comparison)
  const { ours, theirs } = comparison
  return [spread(rate), cpu ? spread(cpu) : '', `${cpuCell(ours)} / ${cpuCell(theirs)}`]
}

/** Formats the median processor times of a contender and of PostgreSQL. */
function cpuCell(samples: Sample[]): string {
  const median = (pick: (sample: Sample) => number | undefined) => {
    const values = samples.map(pick).filter((value) => value !== undefined)
    return values.length === samples.length ? digits(spreadOf(values).median) : undefined
  }
  const [own, database] = [median(({ cpu }) => cpu), median(({ databaseCpu }) => databaseCpu)]
  return own === undefined ? 'not ours' : database === undefined ? own : `${own} + ${database}`
}

function figureTable(columns: Column[]): string {
  const rows = new Map<string, Figure>()
  for (const { run } of columns.toReversed()) for (const row of run.figures ?? []) rows.set(row.name, row)
  if (rows.size === 0) return ''
  return markdown(
    ['figure', 'unit', 'goal', ...columns.map(({ title }) => title)],
    [...rows.values()].map(({ name, unit, goal = '' }) => [
      name,
      unit,
      goal,
      ...columns.map(({ run }) => {
        const found = run.figures?.find((one) => one.name === name)
        return found ? spread(found.values) : ''
      }),
    ]),
  )
}

function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** For example `0.19 (0.17–0.22)`: the median, the smallest and the largest. */
function spread(values: number[]): string {
  const { median, least, most } = spreadOf(values)
  return values.length === 1 ? digits(median) : `${digits(median)} (${digits(least)}–${digits(most)})`
}

function digits(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)
}

import { readFileSync } from 'node:fs'

/** A row of the table of troubles in docs/operations.md: its line of the doctor, its first metric and its alert. */
export type TroubleRow = { trouble: string; check: string; metric: string; alert: string }

export function readTroubles(): TroubleRow[] {
  return readFileSync('docs/operations.md', 'utf8')
    .split('\n')
    .filter((line) => / `Rekey\w+` +\|$/.test(line))
    .map((line) => {
      const [, trouble = '', check = '', metric = '', alert = ''] = line.split('|').map((cell) => cell.trim())
      const bare = (text: string) => text.replaceAll('`', '')
      return { trouble, check: bare(check), metric: bare(metric.split('`, `')[0]!), alert: bare(alert) }
    })
}

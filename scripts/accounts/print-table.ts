import { escapeForTerminal } from '@/scripts/escape-for-terminal'

/** Prints rows as a table, whose columns are the properties of the first row; without rows, prints `none`. */
export function printTable(rows: Record<string, string>[], none: string): void {
  const [first] = rows
  if (first === undefined) return console.log(none)
  const names = Object.keys(first)
  const lines = [names, ...rows.map((row) => names.map((name) => escapeForTerminal(row[name] ?? '')))]
  const widths = names.map((_name, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

import { cpSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const excluded =
  /^(node_modules|dist|docs|test-results|playwright-report|screenshots|coverage)$|^\.|\.tsbuildinfo$/

/** Copies the sources into a new directory; only node_modules is shared, by a link. */
export function copiedSources(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-copied-'))
  for (const name of readdirSync('.'))
    if (!excluded.test(name))
      cpSync(name, path.join(directory, name), {
        recursive: true,
        filter: (source) => path.basename(source) !== 'node_modules',
      })
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'))
  return directory
}

import { cpSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** What is not a source, or not needed to build and to test. */
const left =
  /^(node_modules|dist|docs|test-results|playwright-report|screenshots|coverage)$|^\.|\.tsbuildinfo$/

/** A new directory with a copy of the sources, to edit and to build in; only the packages are shared. */
export function copiedSources(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-copied-'))
  for (const name of readdirSync('.'))
    if (!left.test(name))
      cpSync(name, path.join(directory, name), {
        recursive: true,
        filter: (source) => path.basename(source) !== 'node_modules',
      })
  symlinkSync(path.resolve('node_modules'), path.join(directory, 'node_modules'))
  return directory
}

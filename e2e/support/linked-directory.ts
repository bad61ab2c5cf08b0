import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A new directory through which the app and its build are reached; `without` are left for a test to write itself. */
export function linkedDirectory(without: RegExp): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-linked-'))
  for (const name of readdirSync('.'))
    if (!without.test(name)) symlinkSync(path.resolve(name), path.join(directory, name))
  return directory
}

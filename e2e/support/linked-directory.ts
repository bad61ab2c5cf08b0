import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A new directory with links to the files of this one, except for those that match `without`. */
export function linkedDirectory(without: RegExp): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-linked-'))
  for (const name of readdirSync('.'))
    if (!without.test(name)) symlinkSync(path.resolve(name), path.join(directory, name))
  return directory
}

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { DataDirInUse, startEmbeddedDatabase } from './embedded-database'

test('only its owner can read the folder of the embedded database, also in a directory that others can read [K5]', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-open-'))
  chmodSync(dir, 0o755)
  const { close } = await startEmbeddedDatabase(dir)
  try {
    expect(statSync(path.join(dir, 'database')).mode & 0o777).toBe(0o700)
  } finally {
    await close()
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a data directory counts as in use only while a process uses it, and not if its lock file is damaged', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-locked-'))
  try {
    const { close } = await startEmbeddedDatabase(dir)
    await expect(startEmbeddedDatabase(dir)).rejects.toThrow(DataDirInUse)
    await close()
    writeFileSync(path.join(dir, 'owner.lock'), 'no lock file of SQLite '.repeat(100))
    await expect(startEmbeddedDatabase(dir)).rejects.toThrow('file is not a database')
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

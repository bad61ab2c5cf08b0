import { mkdtempSync, rmSync, statSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startEmbeddedDatabase } from './embedded-database'

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

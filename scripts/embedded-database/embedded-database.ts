import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PGlite } from '@electric-sql/pglite'
import { createWireServer } from './wire-server'

/** A unix socket's path may have 108 bytes at most on Linux, 104 elsewhere. */
const longestSocketPath = 103

export type EmbeddedDatabase = { url: string; close(): Promise<void> }

/** Thrown when another process owns the directory. */
export class DataDirInUse extends Error {
  constructor(dataDir: string) {
    super(
      `The data directory ${dataDir} is in use by another process of Rekey; stop that one, or set DATA_DIR to another directory.`,
    )
    this.name = 'DataDirInUse'
  }
}

const filesIn = (dataDir: string) => path.join(path.resolve(dataDir), 'database')

export const hasEmbeddedDatabase = (dataDir: string) => existsSync(filesIn(dataDir))

/** Where the embedded database of a data directory listens while its owner runs. */
export function embeddedUrl(dataDir: string): string {
  return `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(path.resolve(dataDir))}`
}

/**
 * Starts PostgreSQL (PGlite) on `<dataDir>/database`, speaking on a unix socket that only this user may open. The
 * caller owns the directory until `close`, or until its process dies, however it dies.
 *
 * @throws DataDirInUse when another process owns it; nothing is touched then
 */
export async function startEmbeddedDatabase(dataDir: string): Promise<EmbeddedDatabase> {
  if (process.platform === 'win32') {
    throw new Error(
      'The embedded database needs unix sockets; on Windows set DATABASE_URL to a PostgreSQL server.',
    )
  }
  const dir = path.resolve(dataDir)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const socketPath = path.join(dir, '.s.PGSQL.5432')
  if (Buffer.byteLength(socketPath) > longestSocketPath) {
    throw new Error(
      `The data directory ${dir} has too long a path for a unix socket; set DATA_DIR to a shorter one.`,
    )
  }
  const release = own(dir)
  try {
    rmSync(socketPath, { force: true })
    // Whatever may be read of the directory around it, and whatever modes the files within get.
    mkdirSync(filesIn(dir), { recursive: true, mode: 0o700 })
    chmodSync(filesIn(dir), 0o700)
    const db = await PGlite.create({ dataDir: filesIn(dir) })
    const server = createWireServer(db)
    const sockets = new Set<Socket>()
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    const mask = process.umask(0o177)
    try {
      server.listen(socketPath)
      await once(server, 'listening')
    } finally {
      process.umask(mask)
    }
    chmodSync(socketPath, 0o600)
    return {
      url: embeddedUrl(dir),
      async close() {
        await new Promise<void>((resolve) => {
          server.close(() => resolve())
          for (const socket of sockets) socket.destroy()
        })
        await db.close()
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

/**
 * Takes the lock of a data directory. PGlite itself lets a second process open the same files and ruin them. The lock
 * is SQLite's on a file of ours: the kernel holds it and drops it with the process, so a crash leaves nothing stale.
 */
function own(dir: string): () => void {
  const lock = new DatabaseSync(path.join(dir, 'owner.lock'))
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    lock.close()
    throw new DataDirInUse(dir)
  }
  return () => lock.close()
}

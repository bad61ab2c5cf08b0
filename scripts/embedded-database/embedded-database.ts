import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PGlite } from '@electric-sql/pglite'
import { createWireServer } from './wire-server'

/** In bytes. Systems allow 104 or, like Linux, 108 bytes, including a final zero. */
const maxSocketPath = 103

/** SQLite's result code for a file that another process has locked. */
const sqliteBusy = 5

export type EmbeddedDatabase = { url: string; close(): Promise<void> }

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

/** The URL works only while a process runs the database. */
export function embeddedDatabaseUrl(dataDir: string): string {
  return `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(path.resolve(dataDir))}`
}

/** Starts PGlite on a private unix socket. @throws DataDirInUse; Error on Windows, or if the path is too long for a socket */
export async function startEmbeddedDatabase(dataDir: string): Promise<EmbeddedDatabase> {
  if (process.platform === 'win32') {
    throw new Error(
      'The embedded database needs unix sockets; on Windows set DATABASE_URL to a PostgreSQL server.',
    )
  }
  const dir = path.resolve(dataDir)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const socketPath = path.join(dir, '.s.PGSQL.5432')
  if (Buffer.byteLength(socketPath) > maxSocketPath) {
    throw new Error(
      `The data directory ${dir} has too long a path for a unix socket; set DATA_DIR to a shorter one.`,
    )
  }
  const release = lockDirectory(dir)
  try {
    rmSync(socketPath, { force: true })
    // Private even if other users may read the data directory.
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
      url: embeddedDatabaseUrl(dir),
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
 * Locks a data directory, because PGlite lets a second process open the same files and corrupt them. The kernel releases SQLite's
 * file lock with the process, so that a crash leaves no stale lock.
 */
function lockDirectory(dir: string): () => void {
  const lock = new DatabaseSync(path.join(dir, 'owner.lock'))
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw (error as { errcode?: number }).errcode === sqliteBusy ? new DataDirInUse(dir) : error
  }
  return () => lock.close()
}

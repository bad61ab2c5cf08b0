import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './running-app'

/** The folder of PostgreSQL's server programs in Debian; undefined where there is none. */
export const postgresPrograms = globSync('/usr/lib/postgresql/*/bin/initdb').sort().map(path.dirname).at(-1)

export type PostgresCluster = {
  port: number
  url(database: string): string
  /** Runs one statement in the database `postgres`. */
  query(sql: string): Promise<Record<string, unknown>[]>
  /** Sends SIGINT for a fast shutdown, SIGQUIT for an immediate one; resolves when the server has ended. */
  stop(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** Kills all processes of the server, as a power failure does, except that the system still writes its buffers. */
  kill(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

const run = promisify(execFile)

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/** PostgreSQL refuses to run as root. */
const serverUser = () => {
  if (process.getuid?.() !== 0) return {}
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** @param primary the server that the new one replicates by streaming; the new one is read-only until `pg_promote()` */
export async function startPostgres(primary?: Pick<PostgresCluster, 'port'>): Promise<PostgresCluster> {
  if (postgresPrograms === undefined)
    throw new Error('The programs of a PostgreSQL server are not installed.')
  const programs = postgresPrograms
  const user = serverUser()
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-postgres-'))
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid)
  const data = path.join(dir, 'data')
  const options = { ...user, cwd: dir }
  if (primary === undefined)
    await run(
      path.join(programs, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'],
      options,
    )
  else {
    const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres']
    await run(path.join(programs, 'pg_basebackup'), [...from, '-D', data, '-R', '-c', 'fast'], options)
  }

  const port = await freePort()
  let child: ChildProcess | undefined
  const url = (database: string) => `postgresql://postgres@127.0.0.1:${port}/${database}`

  async function query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url('postgres') })
    client.on('error', () => undefined)
    await client.connect()
    return client
      .query(sql)
      .then(({ rows }) => rows as Record<string, unknown>[])
      .finally(() => client.end().catch(() => undefined))
  }

  async function start(): Promise<void> {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${dir}`]
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
    for (let starts = 0; ;) {
      if (child === undefined || hasEnded(child)) {
        // Right after a kill, the shared memory of the processes may still count as in use.
        if (starts++ === 50) throw new Error('PostgreSQL ends before it accepts connections.')
        child = spawn(path.join(programs, 'postgres'), args, { ...options, stdio: 'ignore' })
      }
      const isUp = await query('SELECT').then(
        () => true,
        () => false,
      )
      if (isUp) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async function kill(): Promise<void> {
    if (child === undefined || hasEnded(child)) return
    const { pid } = child
    // A suspended server cannot start processes or end in the meantime.
    child.kill('SIGSTOP')
    for (const backend of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean))
      process.kill(Number(backend), 'SIGKILL')
    await end('SIGKILL')
  }

  await start()
  return {
    port,
    url,
    query,
    start,
    stop: end,
    kill,
    async remove() {
      await kill()
      if (existsSync(dir)) rmSync(dir, { recursive: true, force: true })
    },
  }
}

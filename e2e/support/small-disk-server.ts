import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './running-app'

/** The folder of PostgreSQL's own programs in Debian; undefined where there is none. */
const programs = existsSync('/usr/lib/postgresql')
  ? readdirSync('/usr/lib/postgresql')
      .map((version) => `/usr/lib/postgresql/${version}/bin`)
      .find((folder) => existsSync(`${folder}/initdb`))
  : undefined

const idOf = (option: string) =>
  Number(spawnSync('id', [option, 'postgres'], { encoding: 'utf8' }).stdout || NaN)

/** Whether a PostgreSQL server can be started on a disk of its own: it takes root, a user `postgres` and `initdb`. */
export const maySmallDisk = process.getuid?.() === 0 && programs !== undefined && idOf('-u') > 0

/** Starts a PostgreSQL server on a disk of its own of 120 MB, which `fill` fills and `empty` gives room again. */
export async function startSmallDiskServer() {
  const disk = mkdtempSync(path.join(tmpdir(), 'rekey-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'none', disk])
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  chownSync(disk, uid, gid)
  const data = path.join(disk, 'data')
  const run = (program: string, ...args: string[]) =>
    execFileSync(`${programs}/${program}`, args, { uid, gid, cwd: disk, stdio: 'ignore' })
  run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '--wal-segsize=1', '--no-sync')
  const port = await freePort()
  appendFileSync(
    path.join(data, 'postgresql.conf'),
    `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\nmin_wal_size = 2MB\nmax_wal_size = 8MB\nshared_buffers = 16MB\n`,
  )
  run('pg_ctl', '-D', data, '-w', '-l', '/dev/null', 'start')
  const filling = path.join(disk, 'filling')
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    fill() {
      const { bavail, bsize } = statfsSync(disk)
      writeFileSync(filling, Buffer.alloc(bavail * bsize))
    },
    empty: () => rmSync(filling),
    stop() {
      run('pg_ctl', '-D', data, '-w', '-m', 'immediate', 'stop')
      execFileSync('umount', ['-l', disk])
      rmSync(disk, { recursive: true })
    },
  }
}

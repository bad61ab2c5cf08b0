import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { postgresPrograms } from './postgres-cluster'
import { freePort } from './running-app'

const idOf = (option: string) =>
  Number(spawnSync('id', [option, 'postgres'], { encoding: 'utf8' }).stdout || NaN)

/** Whether a PostgreSQL server can start on a disk of its own: that needs root, a user `postgres` and `initdb`. */
export const maySmallDisk = process.getuid?.() === 0 && postgresPrograms !== undefined && idOf('-u') > 0

/** `fill` fills the disk of 120 MB, `empty` makes room again. */
export async function startSmallDiskServer() {
  const disk = mkdtempSync(path.join(tmpdir(), 'rekey-small-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'none', disk])
  const [uid, gid] = [idOf('-u'), idOf('-g')]
  chownSync(disk, uid, gid)
  const data = path.join(disk, 'data')
  const run = (program: string, ...args: string[]) =>
    execFileSync(`${postgresPrograms}/${program}`, args, { uid, gid, cwd: disk, stdio: 'ignore' })
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

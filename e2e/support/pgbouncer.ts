import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { freePort } from './running-app'

/** Debian installs PgBouncer outside of a user's PATH. Undefined where it is not installed. */
export const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find(
  (file) => existsSync(file),
)

/** In transaction mode, each transaction of a client may use another connection. */
export async function startPgBouncer(
  server: string,
): Promise<{ url(database: string): string; stop(): Promise<void> }> {
  if (pgbouncer === undefined) throw new Error('PgBouncer is not installed.')
  const { hostname, port, username, password } = new URL(server)
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-pgbouncer-'))
  const ownPort = await freePort()
  const file = path.join(dir, 'pgbouncer.ini')
  const target = [
    `host=${hostname}`,
    `port=${port || 5432}`,
    `user=${username}`,
    ...(password === '' ? [] : [`password=${password}`]),
  ]
  writeFileSync(
    file,
    `[databases]\n* = ${target.join(' ')}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${ownPort}\nunix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size=8\nmax_client_conn=200\n`,
  )
  // PgBouncer refuses to run as root, and the user `nobody` must be able to read the file.
  chmodSync(dir, 0o755)
  const asRoot = process.getuid?.() === 0
  const child = spawn(pgbouncer, [...(asRoot ? ['-u', 'nobody'] : []), file], { stdio: 'ignore' })
  const url = (database: string) => `postgresql://${username || 'postgres'}@127.0.0.1:${ownPort}/${database}`
  for (let tries = 0; ; tries += 1) {
    const client = new pg.Client({ connectionString: url('postgres') })
    const answered = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (answered) break
    if (tries === 50 || child.exitCode !== null) throw new Error('PgBouncer does not accept connections.')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './running-app'

export const hasNginx = spawnSync('nginx', ['-v']).status === 0

/** A host with two apps behind nginx: Rekey under a path, and another app at the root. */
export type SharedHost = {
  origin: string
  /** Without a trailing slash. */
  url: string
  appPort: number
  /** Method and path of each request to the other app. */
  visits: string[]
  close(): Promise<void>
}

/** Configures nginx as docs/operations.md says. The test starts Rekey. */
export async function startSharedHost(basePath: string): Promise<SharedHost> {
  const visits: string[] = []
  const other = createServer((request, answer) => {
    visits.push(`${request.method} ${request.url}`)
    answer.end('another app')
  }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port: otherPort } = other.address() as AddressInfo
  const [port, appPort] = [await freePort(), await freePort()]

  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-nginx-'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const file = path.join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr;
     events {}
     http {
       access_log off;
       ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join(' ')}
       server {
         listen 127.0.0.1:${port};
         proxy_set_header Host $http_host;
         proxy_set_header X-Forwarded-For $remote_addr;
         proxy_set_header X-Forwarded-Proto $scheme;
         location = ${basePath} { proxy_pass http://127.0.0.1:${appPort}; }
         location ${basePath}/ { proxy_pass http://127.0.0.1:${appPort}; }
         location ~ ^/\\.well-known/(change-password|security\\.txt)$ {
           proxy_pass http://127.0.0.1:${appPort}${basePath}$uri;
         }
         location / { proxy_pass http://127.0.0.1:${otherPort}; }
       }
     }`,
  )
  const nginx = spawn('nginx', ['-c', file, '-e', 'stderr'], { stdio: 'inherit' })
  const origin = `http://localhost:${port}`
  return {
    origin,
    url: `${origin}${basePath}`,
    appPort,
    visits,
    async close() {
      if (nginx.exitCode === null) {
        nginx.kill('SIGTERM')
        await once(nginx, 'exit')
      }
      other.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './running-app'

/** nginx in front of a port of this machine, for an app with TRUSTED_PROXY_HOPS=1. */
export type Proxy = {
  port: number
  /** HTTP/2 without TLS. */
  http2Port: number
  close(): Promise<void>
}

export async function startNginx(appPort: number): Promise<Proxy> {
  const [port, http2Port] = [await freePort(), await freePort()]
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-nginx-'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const file = path.join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
     events { worker_connections 15000; }
     http {
       access_log off;
       ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join(' ')}
       server {
         listen 127.0.0.1:${port} backlog=4096;
         listen 127.0.0.1:${http2Port} http2 backlog=4096;
         proxy_set_header Host $http_host;
         proxy_set_header X-Forwarded-For $remote_addr;
         proxy_set_header X-Forwarded-Proto $scheme;
         location / { proxy_pass http://127.0.0.1:${appPort}; }
       }
     }`,
  )
  const nginx = spawn('nginx', ['-c', file, '-e', 'stderr'], { stdio: 'inherit' })
  return {
    port,
    http2Port,
    async close() {
      if (nginx.exitCode === null) {
        nginx.kill('SIGTERM')
        await once(nginx, 'exit')
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

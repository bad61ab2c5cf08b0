import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './running-app'

const isInstalled = (program: string) => existsSync(path.join('/usr/bin', program))

export const hasPrometheus = isInstalled('prometheus') && isInstalled('promtool')

export type Prometheus = {
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>
  api(path: string): Promise<unknown>
  stop(): Promise<void>
}

/** Scrapes one target every second, with the alerts of docs/alerts.yml. */
export async function startPrometheus(target: string, token: string): Promise<Prometheus> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-prometheus-'))
  const port = await freePort()
  writeFileSync(path.join(dir, 'token'), token, { mode: 0o600 })
  writeFileSync(
    path.join(dir, 'prometheus.yml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${path.resolve('docs/alerts.yml')}']
scrape_configs:
  - job_name: rekey
    metrics_path: /api/metrics
    authorization: { credentials_file: ${dir}/token }
    static_configs: [{ targets: ['${target}'] }]
`,
  )
  const child = spawn(
    'prometheus',
    [
      `--config.file=${dir}/prometheus.yml`,
      `--storage.tsdb.path=${dir}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const url = `http://127.0.0.1:${port}`
  const api = async (of: string) => {
    const response = await fetch(`${url}/api/v1/${of}`)
    const body = (await response.json()) as { status: string; data: unknown; error?: string }
    if (body.status !== 'success') throw new Error(`Prometheus: ${body.error}`)
    return body.data
  }
  for (let tries = 0; ; tries += 1) {
    if (
      await fetch(`${url}/-/ready`).then(
        (response) => response.ok,
        () => false,
      )
    )
      break
    if (tries === 100 || child.exitCode !== null) throw new Error('Prometheus does not start.')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    async query(expression) {
      const data = await api(`query?query=${encodeURIComponent(expression)}`)
      return (data as { result: Awaited<ReturnType<Prometheus['query']>> }).result
    },
    api,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

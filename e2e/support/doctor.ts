import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Finding } from '@/scripts/doctor/finding'
import type { RunningApp } from './running-app'

export type Examination = { code: number; output: string; errors: string; findings: Finding[] }

/** The settings of a running app, for a command on the same installation. */
export function settingsOf({ secret, database, url, sink }: RunningApp): Record<string, string> {
  return {
    SECRET_KEY: secret,
    DATABASE_URL: database.url,
    REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
    PUBLIC_URL: url,
    SMTP_URL: sink.url,
    VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
    SUPPORT_EMAIL: 'help@rekey.example',
  }
}

/** Runs `npm run doctor`. `findings` is empty without `--json`. @param cwd a folder with the sources */
export async function runDoctor(
  env: Record<string, string>,
  args: string[],
  cwd = '.',
): Promise<Examination> {
  const child = spawn(process.execPath, ['scripts/run.js', 'doctor', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  const findings = args.includes('--json') ? (JSON.parse(output) as { findings: Finding[] }).findings : []
  return { code: code as number, output, errors, findings }
}

/** The findings that are warnings or troubles, by check. */
export function notOkOf({ findings }: Examination): Record<string, Finding> {
  const notOk = findings.filter(({ status }) => status !== 'ok')
  return Object.fromEntries(notOk.map((finding) => [finding.check, finding]))
}

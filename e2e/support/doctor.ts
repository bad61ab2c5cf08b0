import type { Finding } from '@/scripts/doctor/finding'
import { runCommand, type CommandResult } from './run-command'
import type { RunningApp } from './running-app'

export type Examination = CommandResult & { findings: Finding[] }

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
  const result = await runCommand(['doctor', ...args], env, { cwd })
  const findings = args.includes('--json')
    ? (JSON.parse(result.output) as { findings: Finding[] }).findings
    : []
  return { ...result, findings }
}

export function notOkOf({ findings }: Examination): Record<string, Finding> {
  const notOk = findings.filter(({ status }) => status !== 'ok')
  return Object.fromEntries(notOk.map((finding) => [finding.check, finding]))
}

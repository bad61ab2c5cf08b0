import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export type CommandResult = { code: number | null; output: string; errors: string }

/** Runs a command with PATH and these settings alone. After a minute, the command is killed, and its code is null. */
export async function runCommand(
  args: string[],
  env: Record<string, string>,
  { input = '', cwd = '.' }: { input?: string; cwd?: string } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, ['scripts/run.js', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env } as unknown as NodeJS.ProcessEnv,
    timeout: 60_000,
  })
  child.stdin.end(input)
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: code as number | null, output, errors }
}

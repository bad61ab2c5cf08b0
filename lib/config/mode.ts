/**
 * The kind of command that runs. `npm run demo` and `npm run dev` need no secret, mail server or public URL; every other command
 * means production. The mode is passed to processes in the variable REKEY_MODE, which is not a setting.
 */
export type Mode = 'production' | 'demo' | 'dev'

/** Reads the mode from the environment; production unless REKEY_MODE is `demo` or `dev`. */
export function readMode(env: Record<string, string | undefined>): Mode {
  return env.REKEY_MODE === 'demo' || env.REKEY_MODE === 'dev' ? env.REKEY_MODE : 'production'
}

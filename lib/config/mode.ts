/**
 * The command that runs. `npm start` means production; `npm run demo` and `npm run dev` need no secret, mail server or
 * public URL. The commands set it as `REKEY_MODE`: it is not a setting.
 */
export type Mode = 'production' | 'demo' | 'dev'

/** Reads the mode; production unless the demo or dev command set another one. */
export function readMode(env: Record<string, string | undefined>): Mode {
  return env.REKEY_MODE === 'demo' || env.REKEY_MODE === 'dev' ? env.REKEY_MODE : 'production'
}

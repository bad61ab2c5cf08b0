/**
 * Which command runs. `npm start` means production; `npm run demo` and `npm run dev` need no secret, mail server or public
 * address of their own. It comes from `REKEY_MODE`, which the commands set: it is not a setting.
 */
export type Mode = 'production' | 'demo' | 'dev'

/** @returns production unless one of the two other commands says so */
export function readMode(env: Record<string, string | undefined>): Mode {
  return env.REKEY_MODE === 'demo' || env.REKEY_MODE === 'dev' ? env.REKEY_MODE : 'production'
}

/** The kind of command: `npm run demo`, `npm run dev`, or any other (`production`). */
export type Mode = 'production' | 'demo' | 'dev'

export function readMode(env: Record<string, string | undefined>): Mode {
  return env.REKEY_MODE === 'demo' || env.REKEY_MODE === 'dev' ? env.REKEY_MODE : 'production'
}

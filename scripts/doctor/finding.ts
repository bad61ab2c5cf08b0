import { describeError } from '@/lib/logging/log'

/** `trouble`: something does not work, or is about to; `warning`: it works, with a risk. */
export type Status = 'ok' | 'warning' | 'trouble'

/** One line of the doctor: what was found and, unless it is well, what to do. Never a secret, an account or an address. */
export type Finding = { check: string; status: Status; message: string; advice?: string }

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message })
export const warning = (check: string, message: string, advice?: string): Finding => ({
  check,
  status: 'warning',
  message,
  ...(advice !== undefined && { advice }),
})
export const trouble = (check: string, message: string, advice?: string): Finding => ({
  ...warning(check, message, advice),
  status: 'trouble',
})

/**
 * Runs one check. What it throws, and a check that takes too long, is a finding of its own, so that no check stops another.
 * Of an error only its type and codes are shown: its text may quote a secret.
 *
 * @param within milliseconds
 */
export async function runCheck(
  check: string,
  within: number,
  work: () => Promise<Finding[]>,
): Promise<Finding[]> {
  const { promise: late, resolve } = Promise.withResolvers<Finding[]>()
  const timer = setTimeout(
    () =>
      resolve([
        trouble(check, `No result within ${within / 1000} seconds.`, 'Run it again, with less load.'),
      ]),
    within,
  )
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    const { type, code, sqlState } = describeError(error)
    const named = [...new Set([type, code, sqlState])].filter((part) => part !== undefined).join(' ')
    return [trouble(check, `The check itself failed (${named}).`, 'Look at the other lines first.')]
  } finally {
    clearTimeout(timer)
  }
}

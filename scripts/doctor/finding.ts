import { describeError } from '@/lib/logging/log'

/** The doctor's exit code is 1 with a `trouble`, but not with a `warning`. */
export type Status = 'ok' | 'warning' | 'trouble'

/** A line of the report. It must contain no secret, no account and no email address. */
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

/** Returns an error or a timeout as a finding, without the error's message, which may quote a secret. @param within milliseconds */
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

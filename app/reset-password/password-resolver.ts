import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import * as z from 'zod/mini'
import type { FieldErrorCode } from '@/lib/http/error-codes'
import { passwordFieldSchemas } from '@/lib/http/request-schemas'
import type { PasswordRuleChecker } from '@/lib/passwords/rules'

export type PasswordValues = { password: string; password_confirm: string }

const issue = (message: FieldErrorCode, input: unknown, path: string[] = []) =>
  ({ code: 'custom', message, input, path }) as const

/** Validates the form with the endpoint's schemas and rules that a browser can check. The endpoint validates again. */
export function createPasswordResolver(
  rules: PasswordRuleChecker,
  passwordConfirm: boolean,
): Resolver<PasswordValues> {
  const keepsRules = z.check<string>(({ value, issues }) => {
    issues.push(...rules.problems(value).map(({ code }) => issue(code, value)))
  })
  const isRepeated = z.check<PasswordValues>(
    ({ value: { password, password_confirm }, issues }) => {
      const isWrong = issues.some(({ path }) => path?.[0] === 'password_confirm')
      if (passwordConfirm && !isWrong && password !== password_confirm)
        issues.push(issue('mismatch', password_confirm, ['password_confirm']))
    },
    // Runs even if the password has errors.
    { when: () => true },
  )
  const { password, ...others } = passwordFieldSchemas({ passwordConfirm })
  const fields = z.object({ password: password.check(keepsRules), ...others })
  const schema = (fields as z.ZodMiniType<PasswordValues, PasswordValues>).check(isRepeated)
  return zodResolver(schema, undefined, { raw: true })
}

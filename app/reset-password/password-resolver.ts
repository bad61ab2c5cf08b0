import type { FieldError, Resolver } from 'react-hook-form'
import { loadShapes } from '@/client/shapes'
import type { PasswordRules } from '@/lib/passwords/rules'
import type { ConfirmProblem, PasswordProblem } from '@/app/problems'
import type { LinkParameters } from '@/app/link/parse-link'

export type Values = { password: string; password_confirm: string }

/**
 * Judges as the endpoint will, so far as that needs neither a list nor the account; the endpoint has the last word, and
 * where the shapes cannot be loaded, it alone tells characters that no password can have.
 */
export function createResolver(
  rules: PasswordRules,
  passwordConfirm: boolean,
  link: LinkParameters,
): Resolver<Values> {
  async function problemsOfPassword({ password = '' }: Partial<Values>): Promise<PasswordProblem[]> {
    if (password === '') return ['password-required']
    // A repetition that differs is no reason to find fault with the password, nor is the link.
    const shape = (await loadShapes())?.resetPasswordShape({ passwordConfirm })
    const error = shape?.safeParse({ ...link, password, password_confirm: password }).error
    if (error?.issues.some(({ path }) => path[0] === 'password')) return ['password-invalid']
    return rules.problems(password).map(({ code }) => `password-${code}` as const)
  }

  function problemsOfConfirm({ password, password_confirm = '' }: Partial<Values>): ConfirmProblem[] {
    if (!passwordConfirm) return []
    if (password_confirm === '') return ['confirm-required']
    return password_confirm === password ? [] : ['confirm-mismatch']
  }

  return async (values) => {
    const password = await problemsOfPassword(values)
    const confirm = problemsOfConfirm(values)
    if (password.length + confirm.length === 0) return { values, errors: {} }
    return {
      values: {},
      errors: {
        ...(password.length > 0 && { password: errorOf(password) }),
        ...(confirm.length > 0 && { password_confirm: errorOf(confirm) }),
      },
    }
  }
}

/** Several messages as react-hook-form keeps them. */
export function errorOf(messages: readonly string[]): FieldError {
  return {
    type: 'rules',
    message: messages[0],
    types: Object.fromEntries(messages.map((message, index) => [index, message])),
  }
}

import type { FieldErrors, Resolver } from 'react-hook-form'
import { loadShapes } from '@/client/shapes'
import type { LoginField } from '@/lib/http/request-schemas'

export type Values = Record<LoginField, string>

/**
 * Judges what was typed as the endpoint will, by the shape that both share; the message is the shape's code. Where the
 * shapes cannot be loaded, the endpoint has the only word.
 */
export function createResolver(loginField: LoginField): Resolver<Values> {
  return async (values) => {
    const shape = (await loadShapes())?.sendLinkShape(loginField)
    const issue = shape?.safeParse(values).error?.issues[0]
    if (issue === undefined) return { values, errors: {} }
    const errors: FieldErrors<Values> = { [loginField]: { type: 'shape', message: issue.message } }
    return { values: {}, errors }
  }
}

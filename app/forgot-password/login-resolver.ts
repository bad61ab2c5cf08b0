import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { linkRequestBodySchema, type LoginParameter } from '@/lib/http/request-schemas'

export type LoginValues = Record<LoginParameter, string>

/** Creates a resolver that validates the form with the endpoint's schema, and passes on the login as typed, untrimmed. */
export function createLoginResolver(loginField: LoginParameter): Resolver<LoginValues> {
  return zodResolver(linkRequestBodySchema(loginField), undefined, { raw: true })
}

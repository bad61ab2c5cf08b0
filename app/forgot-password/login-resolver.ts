import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { linkRequestBodySchema, type LoginField } from '@/lib/http/request-schemas'

export type LoginValues = Record<LoginField, string>

/** Validates with the endpoint's schema, and submits the login as typed. */
export function createLoginResolver(loginField: LoginField): Resolver<LoginValues> {
  return zodResolver(linkRequestBodySchema(loginField), undefined, { raw: true })
}

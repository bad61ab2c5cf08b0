import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { sendLinkSchema, type LoginField } from '@/lib/http/request-schemas'

export type LoginValues = Record<LoginField, string>

/** Validates with the endpoint's schema, and submits the login as typed. */
export function createLoginResolver(loginField: LoginField): Resolver<LoginValues> {
  return zodResolver(sendLinkSchema(loginField), undefined, { raw: true })
}

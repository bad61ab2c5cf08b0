import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { linkRequestBodySchema, type LoginParameter } from '@/lib/http/request-schemas'

export type LoginValues = Record<LoginParameter, string>

/** Validates the form with the endpoint's schema. The login stays as typed (`raw`). */
export function createLoginResolver(loginField: LoginParameter): Resolver<LoginValues> {
  return zodResolver(linkRequestBodySchema(loginField), undefined, { raw: true })
}

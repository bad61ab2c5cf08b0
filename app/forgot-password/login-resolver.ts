import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { sendLinkSchema, type LoginField } from '@/lib/http/request-schemas'

export type LoginValues = Record<LoginField, string>

/** Checks what was typed by the endpoint's own schema, and sends it as it was typed. */
export function createLoginResolver(loginField: LoginField): Resolver<LoginValues> {
  return zodResolver(sendLinkSchema(loginField), undefined, { raw: true })
}

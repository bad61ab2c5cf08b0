import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { sendLinkSchema, type LoginField } from '@/lib/http/request-schemas'

export type Values = Record<LoginField, string>

/** Checks what was typed by the endpoint's own schema, and sends it as it was typed. */
export function createResolver(loginField: LoginField): Resolver<Values> {
  return zodResolver(sendLinkSchema(loginField), undefined, { raw: true })
}

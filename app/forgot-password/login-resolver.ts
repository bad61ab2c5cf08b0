import { zodResolver } from '@hookform/resolvers/zod'
import type { Resolver } from 'react-hook-form'
import { sendLinkShape, type LoginField } from '@/lib/http/request-schemas'

export type Values = Record<LoginField, string>

/** Checks what was typed by the endpoint's own schema, and sends it as it was typed. */
export function createResolver(loginField: LoginField): Resolver<Values> {
  return zodResolver(sendLinkShape(loginField), undefined, { raw: true })
}

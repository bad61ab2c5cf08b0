import * as cancelResetPassword from '@/app/api/v1/accounts/cancel-reset-password/route'
import * as resetPassword from '@/app/api/v1/accounts/reset-password/route'
import * as sendResetPasswordLink from '@/app/api/v1/accounts/send-reset-password-link/route'
import * as live from '@/app/api/health/live/route'
import * as ready from '@/app/api/health/ready/route'
import type { MethodHandlers } from '@/server/http/endpoints'

/** The endpoints that web processes call without Next, by path. */
export const endpointsWithoutNext: ReadonlyMap<string, MethodHandlers> = new Map<string, MethodHandlers>([
  ['/api/v1/accounts/send-reset-password-link', { ...sendResetPasswordLink }],
  ['/api/v1/accounts/reset-password', { ...resetPassword }],
  ['/api/v1/accounts/cancel-reset-password', { ...cancelResetPassword }],
  ['/api/health/live', { ...live }],
  ['/api/health/ready', { ...ready }],
])

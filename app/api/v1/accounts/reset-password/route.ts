import { handleOptions, handlePost } from '@/lib/http/handler'
import { requireValidFields } from '@/lib/http/request-fields'
import { linkParameters, type FormPages } from '@/lib/http/form-redirect'
import { InvalidFields, ApiError, ThrottledError } from '@/lib/http/errors'
import { resetPasswordOptionsResponse, resetPasswordSchema } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/paths-in-app'
import type { RejectedPassword } from '@/lib/password-reset/complete-reset'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/reset-password/done/'),
  back: (fields) => `${pathInApp(settings, '/reset-password/')}?${linkParameters(fields)}`,
})

export async function POST(request: Request): Promise<Response> {
  const { passwordReset, settings, links } = services()

  return handlePost(services(), request, pages(settings), async (apiRequest) => {
    const fields = await apiRequest.fields()
    const { password, password_confirm, ...link } = requireValidFields(
      resetPasswordSchema(settings.reset),
      repairFields(links, 'reset', fields),
    )

    const outcome = await passwordReset.completeReset({
      link,
      password,
      passwordConfirm: password_confirm,
      locale: apiRequest.language,
      requestId: apiRequest.requestId,
      request: {
        client: apiRequest.client,
        headers: request.headers,
        get fields() {
          return shownToTeam(fields)
        },
      },
    })
    if (outcome.ok) return 'reset-successful'
    if (outcome.code === 'throttled') throw new ThrottledError(outcome.retryAfter)
    throw outcome.code === 'password-rejected' ? problemsOf(outcome) : new ApiError(outcome.code)
  })
}

export function OPTIONS(request: Request): Response {
  const { settings } = services()
  return handleOptions(services(), request, () => resetPasswordOptionsResponse(settings.reset))
}

function problemsOf({ problems, mismatch }: RejectedPassword): InvalidFields {
  return new InvalidFields({
    ...(problems.length > 0 && { password: problems.map(({ code, ...values }) => ({ code, values })) }),
    ...(mismatch && { password_confirm: [{ code: 'mismatch' as const }] }),
  })
}

/** Returns the fields for a team's `secondFactor`: omits those whose names begin with `password`, and makes each `bigint` a number. */
function shownToTeam(fields: Record<string, unknown>): Record<string, unknown> {
  const others = Object.entries(fields).filter(([name]) => !name.startsWith('password'))
  return Object.fromEntries(others.map(([name, value]) => [name, plain(value)]))
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

export { DELETE, GET, HEAD, PATCH, PUT } from '@/app/api/v1/accounts/unsupported-methods'

import { handleOptions, handlePost } from '@/lib/http/handler'
import { requireValidFields } from '@/lib/http/request-fields'
import type { FormPages } from '@/lib/http/form-redirect'
import { InvalidFields, ApiError, ThrottledError } from '@/lib/http/errors'
import { sendLinkOptionsResponse, linkRequestBodySchema } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const bodySchemas = { login: linkRequestBodySchema('login'), email: linkRequestBodySchema('email') }

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/forgot-password/sent/'),
  back: () => pathInApp(settings, '/forgot-password/'),
})

export async function POST(request: Request): Promise<Response> {
  const { passwordReset, settings, configuration, links } = services()
  const { loginField } = settings.reset

  return handlePost(services(), request, pages(settings), async (apiRequest) => {
    const fields = await apiRequest.fields()
    const shaped = configuration.transformLinkRequest?.(fields) ?? fields
    const input = requireValidFields(bodySchemas[loginField], repairFields(links, 'reset', shaped))

    const { language, requestId, client } = apiRequest
    const outcome = await passwordReset.requestLink({ target: input, locale: language, requestId, client })
    if (outcome.ok) return outcome.found === 'not-told' ? 'link-sent-if-exists' : 'link-sent'
    if (outcome.code === 'throttled') throw new ThrottledError(outcome.retryAfter)
    if (outcome.code === 'not-found') throw new ApiError('user-not-found')
    // A forged link counts as absent, so the error is that the login field is missing.
    throw new InvalidFields({ [loginField]: [{ code: 'required' }] })
  })
}

export function OPTIONS(request: Request): Response {
  const { settings } = services()
  return handleOptions(services(), request, () => sendLinkOptionsResponse(settings.reset.loginField))
}

export { DELETE, GET, HEAD, PATCH, PUT } from '@/app/api/v1/accounts/unsupported-methods'

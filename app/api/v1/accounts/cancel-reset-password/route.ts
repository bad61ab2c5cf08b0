import { handleUnsupportedMethod, handleOptions, handlePost } from '@/lib/http/handler'
import { requireValidFields } from '@/lib/http/request-fields'
import { linkParameters, type FormPages } from '@/lib/http/form-redirect'
import { ApiError, ThrottledError } from '@/lib/http/errors'
import { linkSchema, cancelOptionsResponse } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/cancel-reset/done/'),
  back: (fields) => `${pathInApp(settings, '/cancel-reset/')}?${linkParameters(fields)}`,
})

/** The endpoint works even while resets are disabled, because links that were mailed before stay valid for up to seven days. */
const always = { allowWhenDisabled: true }

/** "This wasn't me": revokes the account's links and pauses its emails with links. The page of the emailed link posts here. */
export async function POST(request: Request): Promise<Response> {
  return handlePost(
    services(),
    request,
    pages(services().settings),
    async (apiRequest) => {
      const fields = repairFields(services().links, 'cancel', await apiRequest.fields())
      const link = requireValidFields(linkSchema(), fields)
      const { language, requestId, client } = apiRequest
      const outcome = await services().passwordReset.cancelReset({
        link,
        locale: language,
        requestId,
        client,
      })
      if (outcome.ok) return 'cancelled'
      throw outcome.code === 'throttled' ? new ThrottledError(outcome.retryAfter) : new ApiError(outcome.code)
    },
    always,
  )
}

/** Responds to a CORS preflight, or describes the endpoint's fields. */
export function OPTIONS(request: Request): Response {
  return handleOptions(services(), request, cancelOptionsResponse, always)
}

function notAllowed(request: Request): Response {
  return handleUnsupportedMethod(services(), request)
}

export { notAllowed as DELETE, notAllowed as GET, notAllowed as HEAD, notAllowed as PATCH, notAllowed as PUT }

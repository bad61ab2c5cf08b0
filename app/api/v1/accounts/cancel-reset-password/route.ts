import { handleOptions, handlePost } from '@/lib/http/handler'
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

/** "This wasn't me" links that were mailed before resets were disabled must still work. */
const always = { allowWhenDisabled: true }

/** Handles "this wasn't me" (`cancelReset`). */
export async function POST(request: Request): Promise<Response> {
  return handlePost(
    services(),
    request,
    pages(services().settings),
    async (apiRequest) => {
      const fields = repairFields(services().links, 'cancel', await apiRequest.fields())
      const link = requireValidFields(linkSchema, fields)
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

export function OPTIONS(request: Request): Response {
  return handleOptions(services(), request, cancelOptionsResponse, always)
}

export { DELETE, GET, HEAD, PATCH, PUT } from '@/app/api/v1/accounts/unsupported-methods'

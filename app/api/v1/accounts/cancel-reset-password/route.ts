import { answerMethodNotAllowed, answerOptions, answerPost } from '@/lib/http/handler'
import { readInput } from '@/lib/http/request-fields'
import { linkInUrl, type FormPages } from '@/lib/http/form-redirect'
import { Refusal, Throttled } from '@/lib/http/errors'
import { cancelShape, describeCancel } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/cancel-reset/done/'),
  back: (fields) => `${pathInApp(settings, '/cancel-reset/')}?${linkInUrl(fields)}`,
})

/** Works while resets are switched off: in an emergency people still need the button, whose links live for days. */
const always = { whileOff: true }

/** "This wasn't me": a person pressed the button of the page that an email led to. Loading that page does nothing. */
export async function POST(request: Request): Promise<Response> {
  return answerPost(
    services(),
    request,
    pages(services().settings),
    async (asked) => {
      const fields = repairFields(services().links, 'cancel', await asked.fields())
      const link = readInput(cancelShape(), fields)
      const { language, requestId, client } = asked
      const outcome = await services().passwordReset.cancelReset({
        link,
        locale: language,
        requestId,
        client,
      })
      if (outcome.ok) return 'cancelled'
      throw outcome.code === 'throttled' ? new Throttled(outcome.retryAfter) : new Refusal(outcome.code)
    },
    always,
  )
}

export function OPTIONS(request: Request): Response {
  return answerOptions(services(), request, describeCancel, always)
}

function notAllowed(request: Request): Response {
  return answerMethodNotAllowed(services(), request)
}

export { notAllowed as DELETE, notAllowed as GET, notAllowed as HEAD, notAllowed as PATCH, notAllowed as PUT }

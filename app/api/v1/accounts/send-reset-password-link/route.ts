import { answerMethodNotAllowed, answerOptions, answerPost } from '@/lib/http/handler'
import { readInput } from '@/lib/http/request-fields'
import type { FormPages } from '@/lib/http/form-redirect'
import { FieldProblems, Refusal, Throttled } from '@/lib/http/errors'
import { describeSendLink, sendLinkShape } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/forgot-password/sent/'),
  back: () => pathInApp(settings, '/forgot-password/'),
})

export async function POST(request: Request): Promise<Response> {
  const { passwordReset, settings, configuration, links } = services()
  const { loginField } = settings.reset

  return answerPost(services(), request, pages(settings), async (asked) => {
    const fields = await asked.fields()
    const shaped = configuration.linkRequestSchema?.(fields) ?? fields
    const input = readInput(sendLinkShape(loginField), repairFields(links, 'reset', shaped))

    const { language, requestId, client } = asked
    const outcome = await passwordReset.requestLink({ target: input, locale: language, requestId, client })
    if (outcome.ok) return outcome.found === 'not-told' ? 'link-sent-if-exists' : 'link-sent'
    if (outcome.code === 'throttled') throw new Throttled(outcome.retryAfter)
    if (outcome.code === 'not-found') throw new Refusal('user-not-found')
    // A link that is not ours stands in for nothing.
    throw new FieldProblems({ [loginField]: [{ code: 'required' }] })
  })
}

export function OPTIONS(request: Request): Response {
  const { settings } = services()
  return answerOptions(services(), request, () => describeSendLink(settings.reset.loginField))
}

function notAllowed(request: Request): Response {
  return answerMethodNotAllowed(services(), request)
}

export { notAllowed as DELETE, notAllowed as GET, notAllowed as HEAD, notAllowed as PATCH, notAllowed as PUT }

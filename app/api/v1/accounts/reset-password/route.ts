import { answerMethodNotAllowed, answerOptions, answerPost } from '@/lib/http/handler'
import { readInput } from '@/lib/http/request-fields'
import { linkInUrl, type FormPages } from '@/lib/http/form-redirect'
import { FieldProblems, Refusal, Throttled } from '@/lib/http/errors'
import { describeResetPassword, resetPasswordShape } from '@/lib/http/request-schemas'
import { repairFields } from '@/lib/http/link-repair'
import { pathInApp } from '@/lib/config/own-path'
import type { RejectedPassword } from '@/lib/password-reset/complete-reset'
import { services } from '@/services'
import type { Settings } from '@/lib/config/settings'

const pages = (settings: Settings): FormPages => ({
  done: pathInApp(settings, '/reset-password/done/'),
  back: (fields) => `${pathInApp(settings, '/reset-password/')}?${linkInUrl(fields)}`,
})

export async function POST(request: Request): Promise<Response> {
  const { passwordReset, settings, links } = services()

  return answerPost(services(), request, pages(settings), async (asked) => {
    const fields = await asked.fields()
    const { password, password_confirm, ...link } = readInput(
      resetPasswordShape(settings.reset),
      repairFields(links, 'reset', fields),
    )

    const outcome = await passwordReset.completeReset({
      link,
      password,
      passwordConfirm: password_confirm,
      locale: asked.language,
      requestId: asked.requestId,
      request: {
        client: asked.client,
        headers: request.headers,
        get fields() {
          return shownToTeam(fields)
        },
      },
    })
    if (outcome.ok) return 'reset-successful'
    if (outcome.code === 'throttled') throw new Throttled(outcome.retryAfter)
    throw outcome.code === 'password-rejected' ? problemsOf(outcome) : new Refusal(outcome.code)
  })
}

export function OPTIONS(request: Request): Response {
  const { settings } = services()
  return answerOptions(services(), request, () => describeResetPassword(settings.reset))
}

function problemsOf({ problems, mismatch }: RejectedPassword): FieldProblems {
  return new FieldProblems({
    ...(problems.length > 0 && { password: problems.map(({ code, ...values }) => ({ code, values })) }),
    ...(mismatch && { password_confirm: [{ code: 'mismatch' as const }] }),
  })
}

/** What a team's function sees: no password, and numbers as `JSON.parse` gives them. */
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

function notAllowed(request: Request): Response {
  return answerMethodNotAllowed(services(), request)
}

export { notAllowed as DELETE, notAllowed as GET, notAllowed as HEAD, notAllowed as PATCH, notAllowed as PUT }

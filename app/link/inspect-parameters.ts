import { linkSchema } from '@/lib/http/request-schemas'
import type { Link } from '@/lib/password-reset/reset-link'
import { services } from '@/services'
import type { LinkParameters } from './parse-link'

/** Inspects the link of a page. Returns `unavailable` instead of throwing, because Next's error page needs JavaScript. */
export async function inspectParameters<Inspected>(
  parameters: LinkParameters,
  inspect: (link: Link) => Promise<Inspected>,
) {
  const { data } = linkSchema.safeParse(parameters)
  if (data === undefined) return { state: 'signature-invalid' } as const
  try {
    return await inspect(data)
  } catch (error) {
    services().log.error({ err: error, event: 'link_not_inspected' })
    return { state: 'unavailable' } as const
  }
}

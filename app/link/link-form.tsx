'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { Arrived, leaveFor, type View } from '@/client/focus-view'
import { Button } from '@/components/button'
import { formMessage, type FormMessages } from '@/client/error-message'
import { send } from '@/client/api'
import { Notice } from '@/components/alert'
import type { FormErrors } from '@/lib/http/form-errors'
import { LinkFields } from './link-fields'
import type { LinkParameters } from './parse-link'
import type { DeadLinks } from '@/app/reset-password/reset-password-form'

/**
 * One press, and an endpoint gets a link and nothing else: a dead one for a new one, since it was ours and says whose it
 * was, or one that says "this wasn't me".
 *
 * @param errors what the form came back with
 * @param deadLinks what to show, by the endpoint's code, should the link have died while the page was open
 * @param children what stands above the button, and goes with it
 */
export function LinkForm({
  link,
  language,
  endpoint,
  donePath,
  errors = { fields: {} },
  deadLinks = {},
  words,
  children,
}: {
  link: LinkParameters
  language: string
  endpoint: string
  donePath: string
  errors?: FormErrors<never>
  deadLinks?: DeadLinks
  words: { submit: string; busy: string; hint: string; errors: FormMessages }
  children?: ReactNode
}) {
  const underWay = useRef(false)
  const [busy, setBusy] = useState(false)
  const [notice, setNotice] = useState(formMessage({ errors }, words.errors, language))
  const [death, setDeath] = useState<View>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setBusy(true)
    // The same words again would not be read out again.
    setNotice(undefined)
    const response = await send(endpoint, link, language)
    if (response.ok) return leaveFor(donePath)
    underWay.current = false
    setBusy(false)
    const { form } = response.errors
    const view = form && deadLinks[form]
    if (view !== undefined) return setDeath(view)
    setNotice(formMessage(response, words.errors, language))
  }

  if (death !== undefined) return <Arrived view={death} />
  return (
    <>
      {children}
      <form method="post" action={endpoint} onSubmit={submit}>
        <Notice>{notice}</Notice>
        <LinkFields link={link} />
        <Button type="submit" busy={busy} busyWords={words.busy} className="mt-8 w-full sm:w-auto">
          {words.submit}
        </Button>
        <p className="mt-3 text-sm text-muted">{words.hint}</p>
      </form>
    </>
  )
}

'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { FocusedView, loadPage, type InvalidLinkViews, type ViewContent } from '@/client/focus-view'
import { Button } from '@/components/button'
import { formErrorMessage, type FormErrorMessages } from '@/client/error-message'
import { sendForm } from '@/client/api'
import { HiddenFields } from '@/components/hidden-fields'
import { Alert } from '@/components/alert'
import type { FormErrors } from '@/lib/http/form-errors'
import type { LinkParameters } from './parse-link'

/** A form that posts only a link, to renew it or to cancel a reset. @param errors the errors of a submission without JavaScript */
export function LinkForm({
  link,
  language,
  endpoint,
  donePath,
  errors = { fields: {} },
  invalidLinkViews = {},
  messages,
  children,
}: {
  link: LinkParameters
  language: string
  endpoint: string
  donePath: string
  errors?: FormErrors<never>
  invalidLinkViews?: InvalidLinkViews
  messages: { submit: string; busy: string; hint: string; errors: FormErrorMessages }
  children?: ReactNode
}) {
  const underWay = useRef(false)
  const [busy, setBusy] = useState(false)
  const [notice, setNotice] = useState(formErrorMessage({ errors }, messages.errors, language))
  const [invalidLinkView, setInvalidLinkView] = useState<ViewContent>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setBusy(true)
    // Clear the message first: screen readers do not announce an unchanged message again.
    setNotice(undefined)
    const response = await sendForm(endpoint, link, language)
    if (response.ok) return loadPage(donePath)
    underWay.current = false
    setBusy(false)
    const { form } = response.errors
    const view = form && invalidLinkViews[form]
    if (view !== undefined) return setInvalidLinkView(view)
    setNotice(formErrorMessage(response, messages.errors, language))
  }

  if (invalidLinkView !== undefined) return <FocusedView view={invalidLinkView} />
  return (
    <>
      {children}
      <form method="post" action={endpoint} onSubmit={submit}>
        <Alert>{notice}</Alert>
        <HiddenFields values={link} />
        <Button type="submit" busy={busy} busyMessage={messages.busy} className="mt-8 w-full sm:w-auto">
          {messages.submit}
        </Button>
        <p className="mt-3 text-sm text-muted">{messages.hint}</p>
      </form>
    </>
  )
}

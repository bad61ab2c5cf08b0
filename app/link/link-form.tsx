'use client'

import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { send } from '@/client/api'
import { Arrived, leaveFor, type View } from '@/client/focus-view'
import { Button } from '@/components/button'
import { Notice } from '@/components/alert'
import { describeTrouble, type TroubleWords } from '@/client/error-message'
import { LinkFields } from './link-fields'
import type { LinkParameters } from './parse-link'

/**
 * One press, and an endpoint gets a link and nothing else: a dead one for a new one, since it was ours and says whose it
 * was, or one that says "this wasn't me".
 *
 * @param trouble what the form came back with
 * @param deadLinks what to show, by the endpoint's code, should the link have died while the page was open
 * @param children what stands above the button, and goes with it
 */
export function LinkForm({
  link,
  language,
  endpoint,
  donePath,
  trouble,
  deadLinks = {},
  words,
  children,
}: {
  link: LinkParameters
  language: string
  endpoint: string
  donePath: string
  trouble?: keyof TroubleWords | undefined
  deadLinks?: Record<string, View>
  words: { submit: string; busy: string; hint: string; troubles: TroubleWords }
  children?: ReactNode
}) {
  const underWay = useRef(false)
  const [busy, setBusy] = useState(false)
  const [notice, setNotice] = useState<string | undefined>(trouble && words.troubles[trouble])
  const [death, setDeath] = useState<View>()

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setBusy(true)
    // The same words again would not be read out again.
    setNotice(undefined)
    const answer = await send(endpoint, link, language)
    if (answer.kind === 'done') return leaveFor(donePath)
    underWay.current = false
    setBusy(false)
    const view = answer.kind === 'refused' && answer.code !== null ? deadLinks[answer.code] : undefined
    if (view !== undefined) return setDeath(view)
    setNotice(describeTrouble(answer, words.troubles, language))
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

'use client'

import { useRef, useState, type FormEvent } from 'react'
import { send } from '@/components/answers'
import { leaveFor } from '@/components/arrival'
import { Button } from '@/components/button'
import { Notice } from '@/components/notice'
import { describeTrouble, type TroubleWords } from '@/components/troubles'
import { LinkFields } from './link-fields'
import type { LinkParameters } from './link-parameters'

/** One press for a new link: the dead one stands in for the login, since it was ours and says whose it was. */
export function RenewalForm({
  link,
  language,
  endpoint,
  sentPath,
  words,
}: {
  link: LinkParameters
  language: string
  endpoint: string
  sentPath: string
  words: { submit: string; busy: string; hint: string; troubles: TroubleWords }
}) {
  const underWay = useRef(false)
  const [busy, setBusy] = useState(false)
  const [notice, setNotice] = useState<string>()

  async function renew(event: FormEvent) {
    event.preventDefault()
    if (underWay.current) return
    underWay.current = true
    setBusy(true)
    const answer = await send(endpoint, link, language)
    if (answer.kind === 'done') return leaveFor(sentPath)
    underWay.current = false
    setBusy(false)
    setNotice(describeTrouble(answer, words.troubles, language))
  }

  return (
    <form method="post" action={endpoint} onSubmit={renew}>
      <Notice>{notice}</Notice>
      <LinkFields link={link} />
      <Button type="submit" busy={busy} busyWords={words.busy} className="mt-8 w-full sm:w-auto">
        {words.submit}
      </Button>
      <p className="mt-3 text-sm text-muted">{words.hint}</p>
    </form>
  )
}

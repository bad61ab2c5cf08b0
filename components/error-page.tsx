import { Button } from './button'
import type { CrashWords } from './error-page-messages'
import { CloudIcon } from './icons'
import { PageHeading } from './page-heading'
import { Sheet } from './document'

/** The page for internal errors, without details. The button reloads the page, which loses at most typed text. */
export function CrashPage({ words: { lead, retry, ...sheet } }: { words: CrashWords }) {
  return (
    <Sheet {...sheet}>
      <PageHeading icon={<CloudIcon className="size-7" />} tone="warn" title={sheet.title}>
        <p>{lead}</p>
      </PageHeading>
      <Button type="button" className="mt-8" onClick={() => window.location.reload()}>
        {retry}
      </Button>
    </Sheet>
  )
}

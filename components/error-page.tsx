import { Button } from './button'
import type { CrashWords } from './error-page-messages'
import { CloudIcon } from './icons'
import { PageHeading } from './page-heading'
import { Sheet } from './document'

/** Our fault, told without detail. Trying again loads the page anew: only what was typed can be lost. */
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

import { Button } from './button'
import type { ErrorPageData } from './error-page-data'
import { CloudIcon } from './icons'
import { PageHeading } from './page-heading'
import { HtmlDocument } from './document'

export function ErrorPageDocument({
  messages: { lead, retry, ...documentProps },
}: {
  messages: ErrorPageData
}) {
  return (
    <HtmlDocument {...documentProps}>
      <PageHeading icon={<CloudIcon className="size-7" />} tone="warn" title={documentProps.title}>
        <p>{lead}</p>
      </PageHeading>
      <Button type="button" className="mt-8" onClick={() => window.location.reload()}>
        {retry}
      </Button>
    </HtmlDocument>
  )
}

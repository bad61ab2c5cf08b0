/** Labels of links to this app's pages, by the last segment of their path; the path of PUBLIC_URL may precede it. */
const purposes: Record<string, string> = {
  'reset-password': 'To choose a new password',
  'cancel-reset': '“This wasn’t me”',
  'forgot-password': 'To request a link',
}

/** Returns the label of a link in an email; `Link` for all links but those to this app's pages. */
export function linkLabel(link: string): string {
  const [, page = ''] = /\/([a-z-]+)\/$/.exec(URL.parse(link)?.pathname ?? '') ?? []
  return purposes[page] ?? 'Link'
}

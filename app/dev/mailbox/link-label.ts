/** The purpose of this app's links by the last segment of their path; the segments before it belong to PUBLIC_URL. */
const purposes: Record<string, string> = {
  'reset-password': 'To choose a new password',
  'cancel-reset': '“This wasn’t me”',
  'forgot-password': 'To request a link',
}

/** Returns the label of a link in an email; `Link` for links of a team's own templates, and for invalid ones. */
export function linkLabel(link: string): string {
  const [, page = ''] = /\/([a-z-]+)\/$/.exec(URL.parse(link)?.pathname ?? '') ?? []
  return purposes[page] ?? 'Link'
}

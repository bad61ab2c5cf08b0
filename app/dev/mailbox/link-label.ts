/** What a link of this app is for, by the last part of its path: what stands before it is PUBLIC_URL's. */
const purposes: Record<string, string> = {
  'reset-password': 'To choose a new password',
  'cancel-reset': '“This wasn’t me”',
  'forgot-password': 'To ask for a link',
}

/** What a link in a caught letter is called; a team's own letters may hold any link, and what only looks like one. */
export function purposeOf(link: string): string {
  const [, page = ''] = /\/([a-z-]+)\/$/.exec(URL.parse(link)?.pathname ?? '') ?? []
  return purposes[page] ?? 'Link'
}

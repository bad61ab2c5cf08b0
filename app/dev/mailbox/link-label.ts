const purposes: Record<string, string> = {
  'reset-password': 'To choose a new password',
  'cancel-reset': '“This wasn’t me”',
  'forgot-password': 'To request a link',
}

/** Returns the label of a link in an email by its path; `Link` if there is none for the path. */
export function linkLabel(link: string): string {
  const [, segment = ''] = /\/([a-z-]+)\/?$/.exec(URL.parse(link)?.pathname ?? '') ?? []
  return purposes[segment] ?? 'Link'
}

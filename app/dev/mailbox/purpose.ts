/** What a link of ours is for, by where it leads. */
const purposes: Record<string, string> = {
  '/reset-password/': 'To choose a new password',
  '/cancel-reset/': '“This wasn’t me”',
  '/forgot-password/': 'To ask for a link',
}

/** What a link in a caught letter is called; a team's own letters may hold any link, and what only looks like one. */
export function purposeOf(link: string): string {
  return purposes[URL.parse(link)?.pathname ?? ''] ?? 'Link'
}

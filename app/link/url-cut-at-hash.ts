/** Matches `&#038;`, a character reference of `&`. The first `&` ends the query, so a fragment begins with `#038;`. */
const numberedAmpersand = /&?#(?:0*38|x0*26);/gi

/**
 * Restores a link's URL in which `&` became `&#038;` (restrictcontentpro/restrict-content-pro#1585): the server receives no fragment.
 * Returns path and query; undefined if the fragment does not begin with the rest of a link.
 */
export function repairUrlCutAtHash({
  pathname,
  search,
  hash,
}: Pick<Location, 'pathname' | 'search' | 'hash'>): string | undefined {
  if (!/^#(?:0*38|x0*26);(?:amp;)*(?:timestamp|signature)=/i.test(hash)) return undefined
  return `${pathname}${search}${hash.replace(numberedAmpersand, '&')}`
}

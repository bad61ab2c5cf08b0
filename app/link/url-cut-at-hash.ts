/**
 * Matches `&` as a numeric HTML character reference, such as `&#038;`. In `?user_id=1&#038;timestamp=2` the fragment begins at `#`, and
 * the `&` before it stays in the query. So the first reference in a fragment has no `&`.
 */
const numberedAmpersand = /&?#(?:0*38|x0*26);/gi

/**
 * Restores a link's URL in which each `&` became `&#038;` or `#038;` (restrictcontentpro/restrict-content-pro#1585). The browser
 * takes everything after the first `#` as the fragment and does not send it, so the server cannot repair this damage.
 *
 * @returns path and query of the restored URL; undefined if the fragment does not begin with the rest of a link
 */
export function repairUrlCutAtHash({
  pathname,
  search,
  hash,
}: Pick<Location, 'pathname' | 'search' | 'hash'>): string | undefined {
  if (!/^#(?:0*38|x0*26);(?:amp;)*(?:timestamp|signature)=/i.test(hash)) return undefined
  return `${pathname}${search}${hash.replace(numberedAmpersand, '&')}`
}

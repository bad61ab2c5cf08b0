/** `&` as HTML spells it by number, without the `&` that a browser leaves before the fragment. */
const numberedAmpersand = /&?#(?:0*38|x0*26);/gi

/**
 * Restores an address whose `&` became `&#038;` or `#038;` (restrictcontentpro/restrict-content-pro#1585): a browser takes
 * everything from `#` for the fragment and does not send it, so the server cannot repair this damage.
 *
 * @returns path and query of the whole address, or undefined where the fragment holds no part of a link
 */
export function addressWithFragment({
  pathname,
  search,
  hash,
}: Pick<Location, 'pathname' | 'search' | 'hash'>): string | undefined {
  if (!/^#(?:0*38|x0*26);(?:amp;)*(?:timestamp|signature)=/i.test(hash)) return undefined
  return `${pathname}${search}${hash.replace(numberedAmpersand, '&')}`
}

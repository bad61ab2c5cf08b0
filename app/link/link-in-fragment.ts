/** `&` as an HTML character reference, with or without its own `&`, which the browser keeps before the fragment. */
const numberedAmpersand = /&?#(?:0*38|x0*26);/gi

/**
 * Restores a URL whose `&` became `&#038;` or `#038;` (restrictcontentpro/restrict-content-pro#1585). The browser treats
 * everything after `#` as the fragment and does not send it, so the server cannot repair this damage.
 *
 * @returns path and query of the whole URL; undefined if the fragment contains no part of a link
 */
export function urlWithFragment({
  pathname,
  search,
  hash,
}: Pick<Location, 'pathname' | 'search' | 'hash'>): string | undefined {
  if (!/^#(?:0*38|x0*26);(?:amp;)*(?:timestamp|signature)=/i.test(hash)) return undefined
  return `${pathname}${search}${hash.replace(numberedAmpersand, '&')}`
}

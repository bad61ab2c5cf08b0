import type { Settings } from './settings'

/**
 * The path of a page, endpoint or file of this app as browsers see it: the path of PUBLIC_URL, then `path`. Every link,
 * form, redirect and request of this app is made with it; a lint rule refuses a path that is not.
 */
export function pathInApp({ basePath }: Pick<Settings, 'basePath'>, path: `/${string}`): string {
  return `${basePath}${path}`
}

/** The same with scheme and host, for emails. */
export function urlInApp({ publicUrl }: Pick<Settings, 'publicUrl'>, path: `/${string}`): string {
  return `${publicUrl}${path}`
}

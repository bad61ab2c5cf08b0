import type { Settings } from './settings'

/**
 * Returns the path of a page, endpoint or file as browsers see it: the path of PUBLIC_URL, then `path`. A lint rule rejects literal
 * paths that are no argument of such a function, because they would lack the path of PUBLIC_URL.
 */
export function pathInApp({ basePath }: Pick<Settings, 'basePath'>, path: `/${string}`): string {
  return `${basePath}${path}`
}

/** Returns the absolute URL of a page, for emails: PUBLIC_URL, then `path`. */
export function urlInApp({ publicUrl }: Pick<Settings, 'publicUrl'>, path: `/${string}`): string {
  return `${publicUrl}${path}`
}

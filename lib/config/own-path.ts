import type { Settings } from './settings'

/**
 * Builds the path of a page, endpoint or file as browsers see it: the path of PUBLIC_URL, then `path`. A lint rule rejects
 * links, forms, redirects and requests that do not use it: they would leave the path of PUBLIC_URL.
 */
export function pathInApp({ basePath }: Pick<Settings, 'basePath'>, path: `/${string}`): string {
  return `${basePath}${path}`
}

/** Builds the absolute URL of a page, for emails. */
export function urlInApp({ publicUrl }: Pick<Settings, 'publicUrl'>, path: `/${string}`): string {
  return `${publicUrl}${path}`
}

import type { Settings } from './settings'

/** Adds the path of PUBLIC_URL. A lint rule rejects literal paths that are no argument of such a function. */
export function pathInApp({ basePath }: Pick<Settings, 'basePath'>, path: `/${string}`): string {
  return `${basePath}${path}`
}

export function urlInApp({ publicUrl }: Pick<Settings, 'publicUrl'>, path: `/${string}`): string {
  return `${publicUrl}${path}`
}

import { builtBasePath } from '@/scripts/base-path.js'

/**
 * Removes the path of PUBLIC_URL from a request's target, so that all later checks see paths without it. Accepts only the exact
 * spelling of that path, so that a proxy and Rekey cannot disagree about it.
 *
 * @param basePath such as `/account`; empty if PUBLIC_URL has no path
 * @returns the rest, with a leading slash; the unchanged target if `basePath` is empty; undefined if the target is not under
 *   `basePath`
 */
export function withoutBasePath(target: string, basePath: string): string | undefined {
  if (basePath === '') return target
  if (!target.startsWith(basePath)) return undefined
  const rest = target.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

/**
 * Explains why the build in `.next` cannot be served under the path of PUBLIC_URL.
 *
 * @returns a sentence for the operator; undefined if the build matches
 */
export function whyBuildUnfit(basePath: string): string | undefined {
  const built = builtBasePath()
  if (built === basePath) return undefined
  const named = (path: string) => (path === '' ? 'no path' : `the path ${path}`)
  return `PUBLIC_URL has ${named(basePath)}, but the build was made for ${named(built)}; run \`npm run build\` with this PUBLIC_URL.`
}

import { builtBasePath } from '@/scripts/base-path.js'

/**
 * Removes the path of PUBLIC_URL from a request's target, before any other rule, so that all rules on paths work as without
 * one. Accepts only the exact spelling, so that a proxy and Rekey cannot disagree about the path.
 *
 * @param basePath such as `/account`; empty if Rekey does not share its host
 * @returns the rest, with a leading slash; undefined if the target is not under the path
 */
export function withoutBasePath(target: string, basePath: string): string | undefined {
  if (basePath === '') return target
  if (!target.startsWith(basePath)) return undefined
  const rest = target.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

/**
 * Explains why the build in `.next` cannot be served under this path.
 *
 * @returns a sentence for the operator; undefined if the build matches
 */
export function whyBuildUnfit(basePath: string): string | undefined {
  const built = builtBasePath()
  if (built === basePath) return undefined
  const named = (path: string) => (path === '' ? 'no path' : `the path ${path}`)
  return `PUBLIC_URL has ${named(basePath)}, but the build was made for ${named(built)}; run \`npm run build\` with this PUBLIC_URL.`
}

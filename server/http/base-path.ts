import { builtBasePath } from '@/scripts/base-path.js'

/**
 * Takes the path of PUBLIC_URL from a request's target, once, before anything looks at it: every rule on paths sees what it
 * would see on a host of Rekey's own. Only the exact spelling counts, so that no proxy can see another path than Rekey.
 *
 * @param basePath such as `/account`; empty where Rekey has a host of its own
 * @returns the rest, beginning with a slash; undefined for a target outside of the path
 */
export function withoutBasePath(target: string, basePath: string): string | undefined {
  if (basePath === '') return target
  if (!target.startsWith(basePath)) return undefined
  const rest = target.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

/**
 * Why the build in `.next` cannot be served under this path.
 *
 * @returns a sentence for the operator; undefined where the build fits
 */
export function whyBuildUnfit(basePath: string): string | undefined {
  const built = builtBasePath()
  if (built === basePath) return undefined
  const named = (path: string) => (path === '' ? 'no path' : `the path ${path}`)
  return `PUBLIC_URL has ${named(basePath)}, but the build was made for ${named(built)}; run \`npm run build\` with this PUBLIC_URL.`
}

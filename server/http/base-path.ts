import { builtBasePath } from '@/scripts/base-path.js'

/**
 * Removes the path of PUBLIC_URL from a request's target. Accepts only its exact spelling, so that a proxy and Rekey cannot disagree.
 *
 * @returns undefined if the target is not under `basePath`
 */
export function withoutBasePath(target: string, basePath: string): string | undefined {
  if (basePath === '') return target
  if (!target.startsWith(basePath)) return undefined
  const rest = target.slice(basePath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

/** Explains why the build in `.next` does not match the path of PUBLIC_URL; returns undefined if it matches. */
export function whyBuildUnfit(basePath: string): string | undefined {
  const built = builtBasePath()
  if (built === basePath) return undefined
  const named = (path: string) => (path === '' ? 'no path' : `the path ${path}`)
  return `PUBLIC_URL has ${named(basePath)}, but the build was made for ${named(built)}; run \`npm run build\` with this PUBLIC_URL.`
}

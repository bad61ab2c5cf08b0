import { existsSync, readFileSync } from 'node:fs'

/**
 * Returns the path of PUBLIC_URL, for code that runs without validated settings, such as the build. Ignores an invalid URL, which
 * the start reports.
 *
 * @param {string | undefined} publicUrl
 * @returns {string} such as `/account`; empty without one
 */
export function basePathOf(publicUrl = '') {
  return URL.canParse(publicUrl) ? new URL(publicUrl).pathname.replace(/\/$/, '') : ''
}

/**
 * Returns the path for which the build in `.next` was made. Next writes it into pages and scripts, so another path needs another build.
 *
 * @returns {string} such as `/account`; empty without a path, and without a build
 */
export function builtBasePath() {
  const file = '.next/routes-manifest.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).basePath : ''
}

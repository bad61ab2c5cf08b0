import { existsSync, readFileSync } from 'node:fs'

/**
 * Returns the path of PUBLIC_URL for the build, which reads no other setting. Ignores an invalid URL: the start reports it.
 *
 * @param {string | undefined} publicUrl
 * @returns {string} such as `/account`; empty without one
 */
export function basePathOf(publicUrl = '') {
  return URL.canParse(publicUrl) ? new URL(publicUrl).pathname.replace(/\/$/, '') : ''
}

/**
 * Returns the path of the build in `.next`. Next writes it into every page and script, so another path needs another build.
 *
 * @returns {string} such as `/account`; empty without one
 */
export function builtBasePath() {
  const file = '.next/routes-manifest.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).basePath : ''
}

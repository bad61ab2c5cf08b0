import { existsSync, readFileSync } from 'node:fs'

/**
 * The path that PUBLIC_URL names, for the build, which has no other settings. What is wrong with PUBLIC_URL, a start says.
 *
 * @param {string | undefined} publicUrl
 * @returns {string} such as `/account`; empty without one
 */
export function basePathOf(publicUrl = '') {
  return URL.canParse(publicUrl) ? new URL(publicUrl).pathname.replace(/\/$/, '') : ''
}

/**
 * The path that the build in `.next` was made for. Next writes it into every page and script, so another path needs another
 * build.
 *
 * @returns {string} such as `/account`; empty without one
 */
export function builtBasePath() {
  const file = '.next/routes-manifest.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).basePath : ''
}

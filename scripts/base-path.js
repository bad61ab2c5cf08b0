import { existsSync, readFileSync } from 'node:fs'

/** Returns the path of a URL, such as `/account`; empty for an invalid URL. @param {string | undefined} publicUrl @returns {string} */
export function basePathOf(publicUrl = '') {
  return URL.canParse(publicUrl) ? new URL(publicUrl).pathname.replace(/\/$/, '') : ''
}

/** Returns the path of PUBLIC_URL in the build; empty without a path or without a build. @returns {string} */
export function builtBasePath() {
  const file = '.next/routes-manifest.json'
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).basePath : ''
}

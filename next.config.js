import { PHASE_PRODUCTION_SERVER } from 'next/constants.js'
import { basePathOf } from './scripts/base-path.js'

/** @type {import('next').NextConfig} */
const config = {
  // Next writes this path into pages and scripts, so another path needs another build.
  basePath: basePathOf(process.env.PUBLIC_URL),
  reactStrictMode: true,
  poweredByHeader: false,
  // Without redirects, because not every client repeats a POST after a redirect.
  skipTrailingSlashRedirect: true,
  // Next's image optimiser makes HTTP requests from the server.
  images: { unoptimized: true },
  serverExternalPackages: ['@node-rs/argon2', '@node-rs/bcrypt', 'pg', 'pg-boss', 'pino', 'mailparser'],
  // `scripts/check-types.js` checks a team's own code, and `npm test` all types.
  typescript: { ignoreBuildErrors: true },
  devIndicators: false,
  // Otherwise a process would load the code of all pages while it starts.
  experimental: { preloadEntriesOnStart: false },
}

/**
 * Omits next-intl's plugin in a running service, which does not need it: it loads a compiler that unpacks itself into the user's cache,
 * and a service's user may have no home directory.
 * @param {string} phase @returns {Promise<import('next').NextConfig>}
 */
export default async function configure(phase) {
  if (phase === PHASE_PRODUCTION_SERVER) return config
  const { default: createNextIntlPlugin } = await import('next-intl/plugin')
  return createNextIntlPlugin('./app/i18n/request.ts')(config)
}

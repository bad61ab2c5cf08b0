import { PHASE_PRODUCTION_SERVER } from 'next/constants.js'
import { basePathOf } from './scripts/base-path.js'

/** @type {import('next').NextConfig} */
const config = {
  // The build fixes this path, because Next writes it into pages and scripts. `npm start` fails if PUBLIC_URL has another one.
  basePath: basePathOf(process.env.PUBLIC_URL),
  reactStrictMode: true,
  poweredByHeader: false,
  // A path works with and without its trailing slash: not every client repeats a POST after a redirect to the other spelling.
  skipTrailingSlashRedirect: true,
  // Next's image optimiser makes HTTP requests from the server. Rekey's pages do not need it.
  images: { unoptimized: true },
  serverExternalPackages: ['@node-rs/argon2', '@node-rs/bcrypt', 'pg', 'pg-boss', 'pino', 'mailparser'],
  // Types are checked elsewhere: those of a team's code by `npm run build` (`scripts/check-types.js`), all types by `npm test`.
  typescript: { ignoreBuildErrors: true },
  devIndicators: false,
  // Each page's code is loaded by its first request. Otherwise every process would load that of all pages while it starts.
  experimental: { preloadEntriesOnStart: false },
}

/**
 * Returns Next's configuration. A running service does not load the plugin of next-intl: only builds and `npm run dev` need it, and it
 * loads a compiler that unpacks itself into the user's cache. A service's user may have no home directory to write to.
 *
 * @param {string} phase
 * @returns {Promise<import('next').NextConfig>}
 */
export default async function configure(phase) {
  if (phase === PHASE_PRODUCTION_SERVER) return config
  const { default: createNextIntlPlugin } = await import('next-intl/plugin')
  return createNextIntlPlugin('./app/i18n/request.ts')(config)
}

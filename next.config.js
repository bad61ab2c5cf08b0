import { PHASE_PRODUCTION_SERVER } from 'next/constants.js'
import { basePathOf } from './scripts/base-path.js'

/** @type {import('next').NextConfig} */
const config = {
  // Fixed by the build, because Next writes it into every page and script. `npm start` fails if PUBLIC_URL has another path.
  basePath: basePathOf(process.env.PUBLIC_URL),
  reactStrictMode: true,
  poweredByHeader: false,
  // A path works with and without its trailing slash: a redirect to the other spelling would lose the body of a POST.
  skipTrailingSlashRedirect: true,
  // Next's image optimiser makes HTTP requests from the server. Rekey's pages do not need it.
  images: { unoptimized: true },
  serverExternalPackages: ['@node-rs/argon2', '@node-rs/bcrypt', 'pg', 'pg-boss', 'pino', 'mailparser'],
  // `npm run build` checks the files that a team may edit in `scripts/check-types.js`, and `npm test` checks all files.
  typescript: { ignoreBuildErrors: true },
  devIndicators: false,
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

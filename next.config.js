import { PHASE_PRODUCTION_SERVER } from 'next/constants.js'
import { basePathOf } from './scripts/base-path.js'

/** @type {import('next').NextConfig} */
const config = {
  // Fixed by the build: Next writes it into every page and script. A start under another path is refused.
  basePath: basePathOf(process.env.PUBLIC_URL),
  reactStrictMode: true,
  poweredByHeader: false,
  // Both spellings of a path answer directly: a redirect would lose the body of a POST.
  skipTrailingSlashRedirect: true,
  // The image optimiser is a second HTTP client inside the server; nothing here needs one.
  images: { unoptimized: true },
  serverExternalPackages: ['@node-rs/argon2', '@node-rs/bcrypt', 'pg', 'pg-boss', 'pino', 'mailparser'],
  // `scripts/check-types.js` has checked what a team may edit, and `npm test` checks everything else.
  typescript: { ignoreBuildErrors: true },
  devIndicators: false,
}

/**
 * The plugin only matters to a build. Loading it loads a compiler, which unpacks itself into the user's cache: a running
 * service writes nowhere but into its data directory, and its user may have no home at all.
 *
 * @param {string} phase
 * @returns {Promise<import('next').NextConfig>}
 */
export default async function configure(phase) {
  if (phase === PHASE_PRODUCTION_SERVER) return config
  const { default: createNextIntlPlugin } = await import('next-intl/plugin')
  return createNextIntlPlugin('./app/i18n/request.ts')(config)
}

import { defineConfig } from '@/lib/password-reset/extension-points'

/**
 * The team's own configuration. Every property is optional; `lib/password-reset/extension-points.ts` documents them. Qualify each table
 * with its schema, because Rekey does not set `search_path`.
 *
 *     export default defineConfig({
 *       async revokeSessions(tx, account) {
 *         await tx.$executeRaw`DELETE FROM "public"."sessions" WHERE "user_id" = ${account.id}::uuid`
 *       },
 *     })
 */
export default defineConfig({})

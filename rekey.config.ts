import { defineConfig } from '@/lib/password-reset/extension-points'

/**
 * The team's own code. Everything is optional; `lib/password-reset/extension-points.ts` documents arguments, results and the
 * process of each function. Qualify each table with its schema: Rekey's tables are in their own schema, and it does not set
 * `search_path`.
 *
 *     export default defineConfig({
 *       async revokeSessions(tx, account) {
 *         await tx.$executeRaw`DELETE FROM "public"."sessions" WHERE "user_id" = ${account.id}::uuid`
 *       },
 *     })
 */
export default defineConfig({})

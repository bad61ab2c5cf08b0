import { defineConfig } from '@/lib/password-reset/extension-points'

/**
 * The team's own code. Every property is optional. `lib/password-reset/extension-points.ts` documents what each function gets and
 * returns, and in which process it runs. Qualify each table with its schema, because Rekey does not set `search_path`.
 *
 *     export default defineConfig({
 *       async revokeSessions(tx, account) {
 *         await tx.$executeRaw`DELETE FROM "public"."sessions" WHERE "user_id" = ${account.id}::uuid`
 *       },
 *     })
 */
export default defineConfig({})

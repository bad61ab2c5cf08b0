import { defineConfiguration } from '@/lib/password-reset/extension-points'

/**
 * What a team may replace with its own code. Everything here is optional; `lib/password-reset/extension-points.ts` says what each
 * function gets, what it must return and in which process it runs. Statements name the schema of each table: Rekey's own
 * tables stand in a schema apart, and it sets no `search_path`.
 *
 *     export default defineConfiguration({
 *       async revokeSessions(tx, account) {
 *         await tx.$executeRaw`DELETE FROM "public"."sessions" WHERE "user_id" = ${account.id}::uuid`
 *       },
 *     })
 */
export default defineConfiguration({})

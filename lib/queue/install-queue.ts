import pg from 'pg'
import { PgBoss, type QueueOptions } from 'pg-boss'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { queueNames, type QueueName } from './job-data'
import { ownerOf } from './queue-state'

const hour = 3600
const day = 24 * hour

/**
 * The default options of a queue. `retentionSeconds`: pg-boss silently deletes jobs that wait longer (see `lastRetryBefore`).
 * `deleteAfterSeconds`: finished jobs contain personal data. A missing heartbeat reveals a dead worker before `expireInSeconds`.
 */
const common: QueueOptions = {
  retryLimit: 10_000,
  retryDelay: 15,
  retryBackoff: true,
  retryDelayMax: 300,
  expireInSeconds: 90,
  heartbeatSeconds: 20,
  deleteAfterSeconds: 12 * hour,
  retentionSeconds: 2 * day,
}

/** Eleven minutes to send (`attemptDeadlineMs`), 30 s for the work before, and 30 s to store the result (`settleTime`). */
const forMail = { expireInSeconds: 720 }

const queues: Record<QueueName, QueueOptions> = {
  'link-request': { ...common, deleteAfterSeconds: hour },
  'link-email': { ...common, ...forMail },
  'changed-email': { ...common, ...forMail, retentionSeconds: 8 * day },
  'changed-hook': { ...common, retentionSeconds: 8 * day },
}

/** Creates or updates pg-boss's tables and Rekey's queues. The role in `url` needs CREATE on the queue's schema, which must exist. */
export async function installQueue(url: string, schemas: SchemaNames): Promise<void> {
  const boss = new PgBoss({
    connectionString: url,
    schema: schemas.queue,
    createSchema: false,
    max: 1,
    supervise: false,
    schedule: false,
    registerInstance: false,
  })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    await boss
      .getDb()
      .executeSql(
        `COMMENT ON TABLE ${quoteSchema(schemas.queue)}."version" IS ${pg.escapeLiteral(ownerOf(schemas))}`,
      )
    for (const name of queueNames) {
      const options = { ...queues[name], notify: true }
      await boss.createQueue(name, options)
      await boss.updateQueue(name, options)
    }
  } finally {
    await boss.stop({ graceful: false })
  }
}

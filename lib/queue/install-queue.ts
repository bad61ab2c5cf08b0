import pg from 'pg'
import { PgBoss, type QueueOptions } from 'pg-boss'
import { quoteSchema, type SchemaNames } from '@/lib/config/schema-names'
import { queueNames, type QueueName } from './job-data'
import { ownerOf } from './queue-state'

const hour = 3600
const day = 24 * hour

/**
 * The options of a queue, unless it has its own. `retentionSeconds`: this long after a job's first due time, pg-boss silently deletes
 * the job if it waits, so the worker gives up a job that fails in the last 24 hours before. `expireInSeconds` can be long, because a
 * missing heartbeat reveals a dead worker. `deleteAfterSeconds`: finished jobs are deleted early, because they contain personal data.
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

/** Eleven minutes to send an email (`attemptDeadlineMs`), 30 s for the work before, and 30 s to store the result (`settleTime`). */
const forMail = { expireInSeconds: 720 }

const queues: Record<QueueName, QueueOptions> = {
  'link-request': { ...common, deleteAfterSeconds: hour },
  'link-email': { ...common, ...forMail },
  'changed-email': { ...common, ...forMail, retentionSeconds: 8 * day },
  'changed-hook': { ...common, retentionSeconds: 8 * day },
}

/**
 * Creates or updates the tables of pg-boss and Rekey's queues in them.
 *
 * @param url the database; its role needs CREATE on the queue's schema, which must exist
 */
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

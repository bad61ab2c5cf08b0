import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { createBatchQueue, type BatchBounds } from '@/lib/database/batch-queue'

/** More than the jobs of all queues that are under way at once. */
const bounds: BatchBounds = { waiting: 1000, underWay: 1, perClient: 1, size: 100 }

/**
 * Stores the result of each job at once, so that a crash during the rest of its batch does not repeat it. Jobs that are done
 * while statements are under way are completed together. At the end pg-boss stores the results of the whole batch and skips
 * those already stored. A job that is given up waits until then: pg-boss has no function for a single one.
 */
export function createJobResultWriter(
  boss: PgBoss,
): (job: JobWithMetadata, result: JobResult) => Promise<void> {
  const completed = createBatchQueue<JobWithMetadata, void>(async (jobs) => {
    for (const queue of new Set(jobs.map(({ name }) => name)))
      await boss.complete(
        queue,
        jobs.filter(({ name }) => name === queue),
      )
    return jobs.map(() => Promise.resolve())
  }, bounds)
  return async (job, { status, output }) => {
    try {
      if (status === 'completed') await completed.add(job)
      if (status === 'failed') await boss.fail(job.name, job, output)
    } catch {
      // The database is unavailable; pg-boss tries again at the end of the batch.
    }
  }
}

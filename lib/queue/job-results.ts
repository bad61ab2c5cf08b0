import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { createBatchQueue, type BatchBounds } from '@/lib/database/batch-queue'

/** `waiting` is above the number of jobs that one worker runs at once, so no result is rejected. */
const bounds: BatchBounds = { waiting: 1000, underWay: 1, perClient: 1, size: 100 }

/**
 * Creates the function that stores the result of a job at the job's end, so that a crash during the other jobs of the same fetch does
 * not repeat it. Jobs that are done while a statement runs are completed together. When all jobs of the fetch have ended, pg-boss stores
 * the remaining results, also of jobs that are given up: pg-boss has no function to give up a single job.
 *
 * @returns the function, which never throws
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
      // The database is unavailable; pg-boss tries again when all jobs of the fetch have ended.
    }
  }
}

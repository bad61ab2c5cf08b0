import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { createBatchQueue, type BatchBounds } from '@/lib/database/batch-queue'

/** `waiting` exceeds the number of jobs that one worker runs at once, so that no result is rejected. */
const bounds: BatchBounds = { waiting: 1000, underWay: 1, perClient: 1, size: 100 }

/**
 * Creates the function that stores a job's result when the job ends, so that a crash during the other jobs of its batch does not repeat it.
 * pg-boss itself stores the results of jobs that are given up, after the batch. The function never throws.
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
      // pg-boss tries again when all jobs of the batch have ended.
    }
  }
}

import { availableParallelism } from 'node:os'
import { argon2id } from '@/lib/passwords/hashers/argon2id'
import { serveOrders } from './orders'

/** Hashes with the parameters of Rekey's own table, as many passwords at a time as there are cores. */
serveOrders(async ({ seconds }: { seconds: number }) => {
  const { hash } = argon2id()
  const start = performance.now()
  let count = 0
  async function hashInTurn(): Promise<void> {
    while (performance.now() < start + seconds * 1000) {
      await hash('gravel meadow harbour')
      count += 1
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, hashInTurn))
  return { count, seconds: (performance.now() - start) / 1000 }
})

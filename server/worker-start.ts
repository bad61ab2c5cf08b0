import { checkDatabase } from '@/lib/db'
import { settings } from '@/lib/settings'

/** `npm run worker`: the checks of a start, then a worker. */
try {
  await checkDatabase(settings())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
await import('./worker')

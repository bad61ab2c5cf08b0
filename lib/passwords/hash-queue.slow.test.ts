import { expect, test } from 'vitest'
import { createHashQueue } from './hash-queue'
import { djangoArgon2 } from './hashers/django'

test.each([
  ['the default format', undefined, 100],
  ['a format of 100 MiB', djangoArgon2(), 150],
])(
  'a thousand hashes at the same time in %s need a bounded amount of memory [F14]',
  async (_what, format, most) => {
    const { hash } = createHashQueue({ format, maxWait: 500 })
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5)
    const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, () => hash('correct horse')))
    clearInterval(watch)
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(900)
    expect(peak - before).toBeLessThan(most * 1024 * 1024)
  },
  60_000,
)

import type { Page } from 'playwright/test'

/** Delays the next `times` requests to these addresses until `release` is called. */
export async function delayRequests(page: Page, addresses: string, times = Infinity) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const bodies: string[] = []
  await page.route(addresses, async (route) => {
    const count = bodies.push(route.request().postData() ?? '')
    if (count <= times) await released
    // The page may be closed by now.
    await route.continue().catch(() => undefined)
  })
  return { bodies, release }
}

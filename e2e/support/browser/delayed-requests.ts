import type { Page } from 'playwright/test'

/** Lets requests to these addresses, the next few or all, wait until they are released, and keeps what they carry. */
export async function holdRequests(page: Page, addresses: string, times = Infinity) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const held: string[] = []
  await page.route(addresses, async (route) => {
    const count = held.push(route.request().postData() ?? '')
    if (count <= times) await released
    // The page that asked may be gone.
    await route.continue().catch(() => undefined)
  })
  return { held, release }
}

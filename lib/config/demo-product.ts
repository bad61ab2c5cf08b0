/** The products whose tables a demo can have. Each has a schema in `scripts/demo-users/`. */
const demoProducts = ['django', 'better-auth'] as const

export type DemoProduct = (typeof demoProducts)[number]

/**
 * Reads the product of `npm run demo -- --users <product>`; undefined for Rekey's own table. The commands set it as
 * `REKEY_DEMO_USERS`: it is not a setting.
 */
export function readDemoProduct(env: Record<string, string | undefined>): DemoProduct | undefined {
  return demoProducts.find((product) => product === env.REKEY_DEMO_USERS)
}

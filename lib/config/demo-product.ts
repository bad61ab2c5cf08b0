/** The products whose tables a demo can have. `scripts/demo-users/` contains the SQL that creates them. */
const demoProducts = ['django', 'better-auth'] as const

export type DemoProduct = (typeof demoProducts)[number]

/**
 * Reads the product of the option `--users`; undefined without one, which means Rekey's own table. `scripts/run.js` passes the product
 * in the variable REKEY_DEMO_USERS, which is not a setting.
 */
export function readDemoProduct(env: Record<string, string | undefined>): DemoProduct | undefined {
  return demoProducts.find((product) => product === env.REKEY_DEMO_USERS)
}
